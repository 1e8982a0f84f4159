// What a service implements to be served over gRPC.
//
// A Service is one object for the whole server, shared by the workers; it makes one ServiceInstance
// for each worker. An instance and all its calls live on that worker's thread, so its scratch
// memory needs no locks; it must not block, for every call of the worker waits meanwhile.
//
//   class Echo final : public Service {
//     std::span<const Method> methods() const override { return kMethods; }
//     std::unique_ptr<ServiceInstance> make_instance(Waker) override { ... }
//   };
//   void EchoInstance::unary(Call& call, std::uint32_t, std::span<const std::uint8_t> request) {
//     call.send(request);
//     call.finish({});
//   }
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "server/metadata.h"
#include "server/timer_queue.h"

namespace fenqi::server {

enum class MethodKind : std::uint8_t {
  kUnary,            // one request, answered before ServiceInstance::unary returns
  kServerStreaming,  // one request; the handler answers when it likes
  kStreaming,        // any number of requests (client streaming and bidirectional)
};

struct Method {
  std::string_view path;  // "/package.Service/Method"; must outlive the server
  MethodKind kind;
  std::uint32_t id;  // handed back to the instance
};

// One call, lent by the front to the service. Valid until the call is over: for a unary method,
// until `unary` returns; for the others until the handler is destroyed.
class Call {
 public:
  virtual std::string_view path() const = 0;
  // All header fields of the request, pseudo-headers left out.
  virtual const Metadata& metadata() const = 0;
  // CLOCK_MONOTONIC; kNever when the caller set none. The front ends the call when it passes.
  virtual std::int64_t deadline_ns() const = 0;
  // When the request's HEADERS were read, CLOCK_MONOTONIC.
  virtual std::int64_t arrival_ns() const = 0;
  // When the bytes now being handled were read, as time of day.
  virtual std::int64_t now_unix_ns() const = 0;
  // "ipv4:127.0.0.1:50123", "ipv6:[::1]:50123" or "unix:".
  virtual std::string_view peer() const = 0;
  // Whether the message now being handled came compressed.
  virtual bool message_was_compressed() const = 0;

  // Optional, and before the first `send` or `finish`.
  virtual void send_initial_metadata(std::span<const MetadataEntry> metadata) = 0;
  // Queues a copy of one response message. False when the queue is above its mark: a sender of many
  // must then wait for on_writable.
  virtual bool send(std::span<const std::uint8_t> message) = 0;
  // The same, gzip-compressed when the caller accepts it; to be decided before the first message.
  virtual bool send_compressed(std::span<const std::uint8_t> message) = 0;
  // Ends the call after what is queued. Everything is copied. Later sends are ignored.
  virtual void finish(const Status& status, std::span<const MetadataEntry> trailers = {}) = 0;
  // Asks for on_timer at that time (CLOCK_MONOTONIC); a new time replaces the old, kNever cancels.
  virtual void set_timer(std::int64_t at_ns) = 0;

 protected:
  ~Call() = default;
};

// The service's side of one streaming call. Destroyed by the front when the call is over, always
// after `on_cancel` when it did not end by `finish`.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  // `message` is valid during the call only.
  virtual void on_message(Call& call, std::span<const std::uint8_t> message) = 0;
  // The caller has sent everything.
  virtual void on_half_close(Call& call) = 0;
  // Reset by the caller, past its deadline, broken by the front, or the connection is lost. Nothing
  // can be sent any more.
  virtual void on_cancel(Call&) {}
  // The queue has drained after `send` returned false.
  virtual void on_writable(Call&) {}
  virtual void on_timer(Call&) {}
  // The server is shutting down: a stream without an end of its own should finish now.
  virtual void on_drain(Call&) {}
};

class ServiceInstance {
 public:
  virtual ~ServiceInstance() = default;
  // A whole request to a kUnary method. Must `finish` the call before it returns.
  virtual void unary(Call& call, std::uint32_t method, std::span<const std::uint8_t> request);
  // A call to one of the other methods begins. May `finish` at once; must return a handler.
  virtual std::unique_ptr<StreamHandler> open(Call& call, std::uint32_t method);
  // Somebody called the Waker that make_instance received.
  virtual void on_wake() {}
};

// Thread-safe; makes the worker call `on_wake` soon. Must not be called once the instance is gone.
using Waker = std::function<void()>;

class Service {
 public:
  virtual ~Service() = default;
  // "package.Service", the name that health reports.
  virtual std::string_view name() const = 0;
  virtual std::span<const Method> methods() const = 0;
  // Called once for each worker, on its thread. The instance is destroyed on that thread too, after
  // all its calls.
  virtual std::unique_ptr<ServiceInstance> make_instance(Waker wake) = 0;
};

}  // namespace fenqi::server
