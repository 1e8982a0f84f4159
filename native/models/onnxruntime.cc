#include "models/onnxruntime.h"

#include <dlfcn.h>

namespace fenqi::models {
namespace {

// What OrtGetApiBase returns.
struct OrtApiBase {
  const void* const* (*get_api)(std::uint32_t version);
  const char* (*get_version)();
};

constexpr std::uint32_t kApiVersion = 1;  // every slot below belongs to it
constexpr int kLogError = 3;
constexpr int kDeviceAllocator = 0;
constexpr int kDefaultMemory = 0;

template <typename Function>
void bind(Function& function, const void* const* table, int slot) {
  function = reinterpret_cast<Function>(const_cast<void*>(table[slot]));
}

OrtApi bind_slots(const void* const* table) {
  OrtApi api{};
  bind(api.error_message, table, 2);
  bind(api.create_env, table, 3);
  bind(api.create_session_from_array, table, 8);
  bind(api.run, table, 9);
  bind(api.create_session_options, table, 10);
  bind(api.disable_memory_pattern, table, 17);
  bind(api.disable_cpu_arena, table, 19);
  bind(api.set_log_severity, table, 22);
  bind(api.set_intra_op_threads, table, 24);
  bind(api.set_inter_op_threads, table, 25);
  bind(api.session_input_count, table, 30);
  bind(api.session_output_count, table, 31);
  bind(api.session_input_type, table, 33);
  bind(api.session_input_name, table, 36);
  bind(api.session_output_name, table, 37);
  bind(api.create_tensor, table, 48);
  bind(api.create_tensor_over, table, 49);
  bind(api.is_tensor, table, 50);
  bind(api.tensor_data, table, 51);
  bind(api.fill_string_tensor, table, 52);
  bind(api.cast_to_tensor_info, table, 55);
  bind(api.element_type, table, 60);
  bind(api.dimension_count, table, 61);
  bind(api.dimensions, table, 62);
  bind(api.tensor_type_and_shape, table, 65);
  bind(api.create_cpu_memory_info, table, 69);
  bind(api.allocator_free, table, 76);
  bind(api.default_allocator, table, 78);
  bind(api.release_env, table, 92);
  bind(api.release_status, table, 93);
  bind(api.release_memory_info, table, 94);
  bind(api.release_session, table, 95);
  bind(api.release_value, table, 96);
  bind(api.release_type_info, table, 98);
  bind(api.release_tensor_info, table, 99);
  bind(api.release_session_options, table, 100);
  return api;
}

}  // namespace

Result<std::shared_ptr<const OnnxRuntime>> OnnxRuntime::load(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    return error(StatusCode::kNotFound, "cannot open onnxruntime: " + std::string(dlerror()));
  }
  auto get_base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(library, "OrtGetApiBase"));
  if (get_base == nullptr) {
    return error(StatusCode::kFailedPrecondition, path + " is not onnxruntime: no OrtGetApiBase");
  }
  const OrtApiBase* base = get_base();
  const void* const* table = base->get_api(kApiVersion);
  if (table == nullptr) {
    return error(StatusCode::kFailedPrecondition,
                 path + ": onnxruntime " + base->get_version() + " does not offer API version 1");
  }
  std::shared_ptr<OnnxRuntime> runtime(new OnnxRuntime());
  runtime->api_ = bind_slots(table);
  runtime->version_ = base->get_version();
  const OrtApi& api = runtime->api_;
  if (Status s = runtime->take(api.create_env(kLogError, "fenqi", &runtime->env_)); !s.ok()) {
    return s;
  }
  if (Status s = runtime->take(
          api.create_cpu_memory_info(kDeviceAllocator, kDefaultMemory, &runtime->cpu_));
      !s.ok()) {
    return s;
  }
  if (Status s = runtime->take(api.default_allocator(&runtime->allocator_)); !s.ok()) return s;
  return std::shared_ptr<const OnnxRuntime>(std::move(runtime));
}

OnnxRuntime::~OnnxRuntime() {
  if (cpu_ != nullptr) api_.release_memory_info(cpu_);
  if (env_ != nullptr) api_.release_env(env_);
}

Status OnnxRuntime::take(OrtStatus* status) const {
  if (status == nullptr) return {};
  Status ours =
      error(StatusCode::kInternal, std::string("onnxruntime: ") + api_.error_message(status));
  api_.release_status(status);
  return ours;
}

}  // namespace fenqi::models
