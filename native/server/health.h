// grpc.health.v1.Health: Check, Watch and List, beside the services that it reports on.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "server/service.h"

namespace fenqi::server {

// The numbers are grpc.health.v1.HealthCheckResponse.ServingStatus.
enum class ServingStatus : std::uint8_t {
  kUnknown = 0,
  kServing = 1,
  kNotServing = 2,
  kServiceUnknown = 3,
};

// Every public function may be called from any thread.
class HealthService final : public Service {
 public:
  // `service` is "package.Service", or empty for the server as a whole. Watchers learn of it soon.
  void set_status(std::string_view service, ServingStatus status);
  // Everything becomes NOT_SERVING and stays so; streams of watchers end with the server.
  void shut_down();
  // kServiceUnknown for a name that was never set.
  ServingStatus status(std::string_view service) const;
  std::map<std::string, ServingStatus, std::less<>> statuses() const;

  std::string_view name() const override { return "grpc.health.v1.Health"; }
  std::span<const Method> methods() const override;
  std::unique_ptr<ServiceInstance> make_instance(Waker wake) override;

 private:
  friend class HealthInstance;
  void add_watcher(const Waker* waker);
  void remove_watcher(const Waker* waker);
  void wake_watchers();  // under mutex_

  mutable std::mutex mutex_;
  std::map<std::string, ServingStatus, std::less<>> statuses_;
  std::set<const Waker*> watchers_;  // one for each worker
  bool shut_down_ = false;
};

}  // namespace fenqi::server
