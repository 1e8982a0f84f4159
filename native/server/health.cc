#include "server/health.h"

#include <array>
#include <utility>

#include "wire/decode.h"
#include "wire/writer.h"

namespace fenqi::server {

namespace {

enum HealthMethod : std::uint32_t { kCheck, kWatch, kList };

constexpr std::array<Method, 3> kMethods{{
    {"/grpc.health.v1.Health/Check", MethodKind::kUnary, kCheck},
    {"/grpc.health.v1.Health/Watch", MethodKind::kServerStreaming, kWatch},
    {"/grpc.health.v1.Health/List", MethodKind::kUnary, kList},
}};

std::span<const std::uint8_t> as_bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string check_response(ServingStatus status) {
  wire::MessageWriter response;
  response.uint(1, static_cast<std::uint64_t>(status));
  return std::string(response.text());
}

// HealthCheckRequest.service; false when the message is damaged.
bool read_service(std::span<const std::uint8_t> request, std::string& service) {
  wire::MessageReader fields(request);
  while (fields.next()) {
    if (fields.number() == 1) service = fields.text();
  }
  return fields.ok();
}

Status damaged() {
  return error(StatusCode::kInternal, "request is not a valid grpc.health.v1 message");
}

}  // namespace

// One Watch stream: tells its caller each change, once.
class HealthWatch final : public StreamHandler {
 public:
  HealthWatch(const HealthService& health, Call& call, std::set<HealthWatch*>& watches)
      : health_(health), call_(call), watches_(watches) {
    watches_.insert(this);
  }
  ~HealthWatch() override { watches_.erase(this); }

  void on_message(Call& call, std::span<const std::uint8_t> request) override {
    if (!read_service(request, service_)) return call.finish(damaged());
    asked_ = true;
    tell();
  }
  void on_half_close(Call&) override {}
  void on_drain(Call& call) override {
    tell();
    call.finish(error(StatusCode::kUnavailable, "server is shutting down"));
  }
  void tell() {
    if (!asked_) return;
    const ServingStatus now = health_.status(service_);
    if (told_ && now == last_) return;
    told_ = true;
    last_ = now;
    call_.send(as_bytes(check_response(now)));
  }

 private:
  const HealthService& health_;
  Call& call_;
  std::set<HealthWatch*>& watches_;
  std::string service_;
  bool asked_ = false;
  bool told_ = false;
  ServingStatus last_ = ServingStatus::kUnknown;
};

class HealthInstance final : public ServiceInstance {
 public:
  HealthInstance(HealthService& health, Waker wake) : health_(health), wake_(std::move(wake)) {
    health_.add_watcher(&wake_);
  }
  ~HealthInstance() override { health_.remove_watcher(&wake_); }

  void unary(Call& call, std::uint32_t method, std::span<const std::uint8_t> request) override {
    if (method == kList) {
      list(call);
    } else {
      check(call, request);
    }
  }
  std::unique_ptr<StreamHandler> open(Call& call, std::uint32_t) override {
    return std::make_unique<HealthWatch>(health_, call, watches_);
  }
  void on_wake() override {
    for (HealthWatch* watch : watches_) watch->tell();
  }

 private:
  void check(Call& call, std::span<const std::uint8_t> request) {
    std::string service;
    if (!read_service(request, service)) return call.finish(damaged());
    const ServingStatus status = health_.status(service);
    if (status == ServingStatus::kServiceUnknown) {
      return call.finish(
          error(StatusCode::kNotFound, "service \"" + service + "\" is not served here"));
    }
    call.send(as_bytes(check_response(status)));
    call.finish({});
  }
  void list(Call& call) {
    wire::MessageWriter response;
    for (const auto& [service, status] : health_.statuses()) {
      wire::MessageWriter entry;
      entry.string(1, service);
      entry.string(2, check_response(status));
      response.string(1, entry.text());
    }
    call.send(response.bytes());
    call.finish({});
  }

  HealthService& health_;
  const Waker wake_;
  std::set<HealthWatch*> watches_;
};

void HealthService::set_status(std::string_view service, ServingStatus status) {
  const std::lock_guard lock(mutex_);
  if (shut_down_) status = ServingStatus::kNotServing;
  statuses_.insert_or_assign(std::string(service), status);
  wake_watchers();
}

void HealthService::shut_down() {
  const std::lock_guard lock(mutex_);
  shut_down_ = true;
  for (auto& [service, status] : statuses_) status = ServingStatus::kNotServing;
  wake_watchers();
}

ServingStatus HealthService::status(std::string_view service) const {
  const std::lock_guard lock(mutex_);
  const auto found = statuses_.find(service);
  return found == statuses_.end() ? ServingStatus::kServiceUnknown : found->second;
}

std::map<std::string, ServingStatus, std::less<>> HealthService::statuses() const {
  const std::lock_guard lock(mutex_);
  return statuses_;
}

std::span<const Method> HealthService::methods() const {
  return kMethods;
}

std::unique_ptr<ServiceInstance> HealthService::make_instance(Waker wake) {
  return std::make_unique<HealthInstance>(*this, std::move(wake));
}

void HealthService::add_watcher(const Waker* waker) {
  const std::lock_guard lock(mutex_);
  watchers_.insert(waker);
}

void HealthService::remove_watcher(const Waker* waker) {
  const std::lock_guard lock(mutex_);
  watchers_.erase(waker);
}

void HealthService::wake_watchers() {
  for (const Waker* waker : watchers_) (*waker)();
}

}  // namespace fenqi::server
