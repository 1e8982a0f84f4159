#include "server/interop_service.h"

#include <algorithm>
#include <array>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "server/clock.h"
#include "server/interop_messages.h"

namespace fenqi::server {
namespace {

enum InteropMethod : std::uint32_t {
  kEmptyCall,
  kUnaryCall,
  kCacheableUnaryCall,
  kStreamingOutputCall,
  kStreamingInputCall,
  kFullDuplexCall,
  kHalfDuplexCall,
};

constexpr std::array<Method, 7> kMethods{{
    {"/grpc.testing.TestService/EmptyCall", MethodKind::kUnary, kEmptyCall},
    {"/grpc.testing.TestService/UnaryCall", MethodKind::kUnary, kUnaryCall},
    {"/grpc.testing.TestService/CacheableUnaryCall", MethodKind::kUnary, kCacheableUnaryCall},
    {"/grpc.testing.TestService/StreamingOutputCall", MethodKind::kServerStreaming,
     kStreamingOutputCall},
    {"/grpc.testing.TestService/StreamingInputCall", MethodKind::kStreaming, kStreamingInputCall},
    {"/grpc.testing.TestService/FullDuplexCall", MethodKind::kStreaming, kFullDuplexCall},
    {"/grpc.testing.TestService/HalfDuplexCall", MethodKind::kStreaming, kHalfDuplexCall},
}};

constexpr std::string_view kEchoInitial = "x-grpc-test-echo-initial";
constexpr std::string_view kEchoTrailing = "x-grpc-test-echo-trailing-bin";
constexpr std::int32_t kMaxResponseSize = 16 << 20;
// What one stream may ask for ahead of its being sent.
constexpr std::size_t kMaxPendingResponses = 100'000;

std::span<const std::uint8_t> as_bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Status damaged() {
  return error(StatusCode::kInvalidArgument, "request is not a valid grpc.testing message");
}

void echo_initial(Call& call) {
  if (const auto value = call.metadata().find(kEchoInitial)) {
    const MetadataEntry entry{kEchoInitial, *value};
    call.send_initial_metadata({&entry, 1});
  }
}

void finish_with_echo(Call& call, const Status& status) {
  const std::optional<std::string> value = call.metadata().find_binary(kEchoTrailing);
  if (!value) return call.finish(status);
  const MetadataEntry entry{kEchoTrailing, *value};
  call.finish(status, {&entry, 1});
}

Status echoed_status(const EchoStatus& status) {
  constexpr std::int32_t kLastCode = 16;
  const bool known = status.code >= 0 && status.code <= kLastCode;
  return error(known ? static_cast<StatusCode>(status.code) : StatusCode::kUnknown, status.message);
}

// What is wrong with the request before any work is done.
Status check(const Call& call, const InteropRequest& request) {
  if (request.expect_compressed.value_or(false) && !call.message_was_compressed()) {
    return invalid_field("expect_compressed", "the message did not come compressed");
  }
  const auto bad_size = [](std::int32_t size) { return size < 0 || size > kMaxResponseSize; };
  if (bad_size(request.response_size) ||
      std::any_of(request.responses.begin(), request.responses.end(),
                  [&](const ResponseParameters& r) { return bad_size(r.size); })) {
    return invalid_field("response_size", "must be between 0 and 16777216");
  }
  return {};
}

// StreamingOutputCall, FullDuplexCall and HalfDuplexCall: sends what was asked for, each response
// after its interval, as fast as the caller takes them.
class OutputStream final : public StreamHandler {
 public:
  explicit OutputStream(bool wait_for_half_close) : waiting_(wait_for_half_close) {}

  void on_message(Call& call, std::span<const std::uint8_t> message) override {
    InteropRequest request;
    if (!read_streaming_output(message, request)) return call.finish(damaged());
    if (Status status = check(call, request); !status.ok()) return call.finish(status);
    if (request.response_status && request.response_status->code != 0) {
      return finish_with_echo(call, echoed_status(*request.response_status));
    }
    if (pending_.size() + request.responses.size() > kMaxPendingResponses) {
      return call.finish(
          error(StatusCode::kResourceExhausted, "too many responses asked for ahead"));
    }
    pending_.insert(pending_.end(), request.responses.begin(), request.responses.end());
    if (!waiting_ && !sleeping_) begin_next(call);
  }
  void on_half_close(Call& call) override {
    half_closed_ = true;
    waiting_ = false;
    if (!sleeping_) begin_next(call);
  }
  void on_writable(Call& call) override {
    full_ = false;
    if (!waiting_ && !sleeping_) begin_next(call);
  }
  void on_timer(Call& call) override {
    sleeping_ = false;
    send_front(call);
    begin_next(call);
  }

 private:
  void begin_next(Call& call) {
    while (!pending_.empty() && !full_) {
      const std::int32_t interval_us = pending_.front().interval_us;
      if (interval_us > 0) {
        sleeping_ = true;
        const std::int64_t now_ns = Instant::now().steady_ns;
        return call.set_timer(now_ns + std::int64_t{interval_us} * 1'000);
      }
      send_front(call);
    }
    if (pending_.empty() && half_closed_) finish_with_echo(call, {});
  }
  void send_front(Call& call) {
    const ResponseParameters next = pending_.front();
    pending_.pop_front();
    const std::string response = payload_response(static_cast<std::size_t>(next.size));
    full_ = !(next.compressed ? call.send_compressed(as_bytes(response))
                              : call.send(as_bytes(response)));
  }

  std::deque<ResponseParameters> pending_;
  bool waiting_;
  bool half_closed_ = false;
  bool sleeping_ = false;
  bool full_ = false;
};

class InputStream final : public StreamHandler {
 public:
  void on_message(Call& call, std::span<const std::uint8_t> message) override {
    InteropRequest request;
    if (!read_streaming_input(message, request)) return call.finish(damaged());
    if (Status status = check(call, request); !status.ok()) return call.finish(status);
    total_ += request.payload_bytes;
  }
  void on_half_close(Call& call) override {
    call.send(as_bytes(aggregate_response(total_)));
    finish_with_echo(call, {});
  }

 private:
  std::size_t total_ = 0;
};

class InteropInstance final : public ServiceInstance {
 public:
  void unary(Call& call, std::uint32_t method, std::span<const std::uint8_t> message) override {
    if (method == kEmptyCall) {
      echo_initial(call);
      call.send({});
      return finish_with_echo(call, {});
    }
    InteropRequest request;
    if (!read_simple_request(message, request)) return call.finish(damaged());
    if (Status status = check(call, request); !status.ok()) return call.finish(status);
    if (method == kCacheableUnaryCall) {
      constexpr MetadataEntry kCacheable{"cache-control", "max-age=60, public"};
      call.send_initial_metadata({&kCacheable, 1});
    } else if (!request.response_compressed) {
      echo_initial(call);
    }
    if (request.response_status && request.response_status->code != 0) {
      return finish_with_echo(call, echoed_status(*request.response_status));
    }
    const std::string response = payload_response(static_cast<std::size_t>(request.response_size));
    if (request.response_compressed) {
      call.send_compressed(as_bytes(response));
    } else {
      call.send(as_bytes(response));
    }
    finish_with_echo(call, {});
  }

  std::unique_ptr<StreamHandler> open(Call& call, std::uint32_t method) override {
    echo_initial(call);
    if (method == kStreamingInputCall) return std::make_unique<InputStream>();
    return std::make_unique<OutputStream>(method == kHalfDuplexCall);
  }
};

}  // namespace

std::span<const Method> InteropService::methods() const {
  return kMethods;
}

std::unique_ptr<ServiceInstance> InteropService::make_instance(Waker) {
  return std::make_unique<InteropInstance>();
}

}  // namespace fenqi::server
