#include "server/worker_scope.h"

#include "server/http2_callbacks.h"
#include "server/stream.h"

namespace fenqi::server {
namespace {

// Calls beyond this number at once on one worker allocate.
constexpr std::size_t kSpareStreams = 1024;

}  // namespace

WorkerScope::WorkerScope(const Limits& limits)
    : limits(limits), callbacks(make_http2_callbacks()), options(make_http2_options()) {}

WorkerScope::~WorkerScope() {
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_option_del(options);
}

void WorkerScope::bind(const Service& service, ServiceInstance& instance) {
  for (const Method& method : service.methods()) {
    methods_[method.path] = {&instance, method.kind, method.id};
  }
}

const BoundMethod* WorkerScope::find(std::string_view path) const {
  const auto found = methods_.find(path);
  return found == methods_.end() ? nullptr : &found->second;
}

std::unique_ptr<Stream> WorkerScope::take_stream() {
  if (spare_streams_.empty()) return std::make_unique<Stream>();
  std::unique_ptr<Stream> stream = std::move(spare_streams_.back());
  spare_streams_.pop_back();
  return stream;
}

void WorkerScope::give_back(std::unique_ptr<Stream> stream) {
  if (spare_streams_.size() < kSpareStreams) spare_streams_.push_back(std::move(stream));
}

}  // namespace fenqi::server
