// What all connections of one worker share. Lives on the worker's thread; no locks.
#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/clock.h"
#include "server/inflater.h"
#include "server/limits.h"
#include "server/service.h"
#include "server/timer_queue.h"

namespace fenqi::server {

class Stream;

// A method of a service, bound to the worker's own instance.
struct BoundMethod {
  ServiceInstance* instance;
  MethodKind kind;
  std::uint32_t id;
};

struct WorkerScope {
  explicit WorkerScope(const Limits& limits);
  ~WorkerScope();
  WorkerScope(const WorkerScope&) = delete;
  WorkerScope& operator=(const WorkerScope&) = delete;

  void bind(const Service& service, ServiceInstance& instance);
  const BoundMethod* find(std::string_view path) const;

  // Stream objects keep their buffers from call to call.
  std::unique_ptr<Stream> take_stream();
  void give_back(std::unique_ptr<Stream> stream);

  const Limits limits;
  Instant now = Instant::now();  // the worker sets it before it hands anything on
  TimerQueue timers;
  Inflater inflater;
  std::size_t request_bytes = 0;   // held for all connections
  std::size_t response_bytes = 0;  // the same
  std::vector<nghttp2_nv> header_scratch;
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* options = nullptr;

 private:
  std::unordered_map<std::string_view, BoundMethod> methods_;
  std::vector<std::unique_ptr<Stream>> spare_streams_;
};

}  // namespace fenqi::server
