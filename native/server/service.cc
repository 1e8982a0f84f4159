#include "server/service.h"

namespace fenqi::server {
namespace {

// Stands in where an instance declares a streaming method and does not open it.
class Unimplemented final : public StreamHandler {
 public:
  void on_message(Call&, std::span<const std::uint8_t>) override {}
  void on_half_close(Call&) override {}
};

}  // namespace

void ServiceInstance::unary(Call& call, std::uint32_t, std::span<const std::uint8_t>) {
  call.finish(error(StatusCode::kUnimplemented, "method is declared but not implemented"));
}

std::unique_ptr<StreamHandler> ServiceInstance::open(Call& call, std::uint32_t) {
  call.finish(error(StatusCode::kUnimplemented, "method is declared but not implemented"));
  return std::make_unique<Unimplemented>();
}

}  // namespace fenqi::server
