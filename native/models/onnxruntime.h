// onnxruntime's C API, taken at run time from the shared library inside the `onnxruntime` wheel.
//
// The wheel ships no header. Its API is a table of function pointers whose order never changes
// once published, so the slots that we use are declared here and nowhere else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace fenqi::models {

// Opaque objects of onnxruntime.
struct OrtStatus;
struct OrtEnv;
struct OrtSession;
struct OrtSessionOptions;
struct OrtRunOptions;
struct OrtValue;
struct OrtTypeInfo;
struct OrtTensorInfo;
struct OrtMemoryInfo;
struct OrtAllocator;

// The functions that we call. Each returns null on success, or a status that the caller releases.
struct OrtApi {
  const char* (*error_message)(const OrtStatus*);
  OrtStatus* (*create_env)(int log_level, const char* id, OrtEnv** out);
  OrtStatus* (*create_session_from_array)(const OrtEnv*, const void* data, std::size_t bytes,
                                          const OrtSessionOptions*, OrtSession** out);
  OrtStatus* (*run)(OrtSession*, const OrtRunOptions*, const char* const* input_names,
                    const OrtValue* const* inputs, std::size_t input_count,
                    const char* const* output_names, std::size_t output_count, OrtValue** outputs);
  OrtStatus* (*create_session_options)(OrtSessionOptions** out);
  OrtStatus* (*disable_memory_pattern)(OrtSessionOptions*);
  OrtStatus* (*disable_cpu_arena)(OrtSessionOptions*);
  OrtStatus* (*set_log_severity)(OrtSessionOptions*, int level);
  OrtStatus* (*set_intra_op_threads)(OrtSessionOptions*, int n);
  OrtStatus* (*set_inter_op_threads)(OrtSessionOptions*, int n);
  OrtStatus* (*session_input_count)(const OrtSession*, std::size_t* out);
  OrtStatus* (*session_output_count)(const OrtSession*, std::size_t* out);
  OrtStatus* (*session_input_type)(const OrtSession*, std::size_t i, OrtTypeInfo** out);
  OrtStatus* (*session_input_name)(const OrtSession*, std::size_t i, OrtAllocator*, char** out);
  OrtStatus* (*session_output_name)(const OrtSession*, std::size_t i, OrtAllocator*, char** out);
  OrtStatus* (*create_tensor)(OrtAllocator*, const std::int64_t* shape, std::size_t rank,
                              int element_type, OrtValue** out);
  OrtStatus* (*create_tensor_over)(const OrtMemoryInfo*, void* data, std::size_t bytes,
                                   const std::int64_t* shape, std::size_t rank, int element_type,
                                   OrtValue** out);
  OrtStatus* (*is_tensor)(const OrtValue*, int* out);
  OrtStatus* (*tensor_data)(OrtValue*, void** out);
  OrtStatus* (*fill_string_tensor)(OrtValue*, const char* const* strings, std::size_t count);
  OrtStatus* (*cast_to_tensor_info)(const OrtTypeInfo*, const OrtTensorInfo** out);
  OrtStatus* (*element_type)(const OrtTensorInfo*, int* out);
  OrtStatus* (*dimension_count)(const OrtTensorInfo*, std::size_t* out);
  OrtStatus* (*dimensions)(const OrtTensorInfo*, std::int64_t* out, std::size_t count);
  OrtStatus* (*tensor_type_and_shape)(const OrtValue*, OrtTensorInfo** out);
  OrtStatus* (*create_cpu_memory_info)(int allocator_type, int memory_type, OrtMemoryInfo** out);
  OrtStatus* (*allocator_free)(OrtAllocator*, void*);
  OrtStatus* (*default_allocator)(OrtAllocator** out);
  void (*release_env)(OrtEnv*);
  void (*release_status)(OrtStatus*);
  void (*release_memory_info)(OrtMemoryInfo*);
  void (*release_session)(OrtSession*);
  void (*release_value)(OrtValue*);
  void (*release_type_info)(OrtTypeInfo*);
  void (*release_tensor_info)(OrtTensorInfo*);
  void (*release_session_options)(OrtSessionOptions*);
};

// The loaded library with its one environment. Immutable and safe to share between threads; every
// session keeps it alive. The library itself is never unloaded: its threads and static state do
// not survive that.
class OnnxRuntime {
 public:
  // Opens the shared library at `path`. Fails when it cannot be opened, is not onnxruntime, or
  // does not offer version 1 of the API.
  static Result<std::shared_ptr<const OnnxRuntime>> load(const std::string& path);

  OnnxRuntime(const OnnxRuntime&) = delete;
  OnnxRuntime& operator=(const OnnxRuntime&) = delete;
  ~OnnxRuntime();

  const OrtApi& api() const { return api_; }
  const OrtEnv* env() const { return env_; }
  const OrtMemoryInfo* cpu() const { return cpu_; }
  OrtAllocator* allocator() const { return allocator_; }
  // "1.32.0".
  const std::string& version() const { return version_; }

  // Turns a status of the API into ours, and releases it. Null is success.
  Status take(OrtStatus* status) const;

 private:
  OnnxRuntime() = default;

  OrtApi api_{};
  OrtEnv* env_ = nullptr;
  OrtMemoryInfo* cpu_ = nullptr;
  OrtAllocator* allocator_ = nullptr;
  std::string version_;
};

}  // namespace fenqi::models
