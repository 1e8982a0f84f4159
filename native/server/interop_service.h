// gRPC's own grpc.testing.TestService, as its published interop description asks of a server, so
// that the official clients of other languages can judge this front.
#pragma once

#include "server/service.h"

namespace fenqi::server {

class InteropService final : public Service {
 public:
  std::string_view name() const override { return "grpc.testing.TestService"; }
  std::span<const Method> methods() const override;
  std::unique_ptr<ServiceInstance> make_instance(Waker wake) override;
};

}  // namespace fenqi::server
