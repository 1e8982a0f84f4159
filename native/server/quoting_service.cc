#include "server/quoting_service.h"

#include <array>

#include "engine/quoter.h"

namespace fenqi::server {
namespace {

enum MethodId : std::uint32_t { kQuote, kSchedule, kAnnualRate };

constexpr std::array<Method, 3> kMethods = {{
    {"/fenqi.v1.Quoting/Quote", MethodKind::kUnary, kQuote},
    {"/fenqi.v1.Quoting/Schedule", MethodKind::kUnary, kSchedule},
    {"/fenqi.v1.Quoting/AnnualRate", MethodKind::kUnary, kAnnualRate},
}};

class Instance final : public ServiceInstance {
 public:
  explicit Instance(std::shared_ptr<const engine::Engine> engine)
      : engine_(std::move(engine)), quoter_(*engine_) {}

  void unary(Call& call, std::uint32_t method, std::span<const std::uint8_t> request) override {
    const engine::QuoterOutcome outcome = answer(method, request);
    if (outcome.status.ok()) call.send(outcome.response);
    call.finish(outcome.status);
  }

 private:
  engine::QuoterOutcome answer(std::uint32_t method, std::span<const std::uint8_t> request) {
    switch (method) {
      case kQuote:
        return quoter_.quote(request);
      case kSchedule:
        return quoter_.schedule(request);
      default:
        return quoter_.annual_rate(request);
    }
  }

  std::shared_ptr<const engine::Engine> engine_;
  engine::Quoter quoter_;
};

class QuotingService final : public Service {
 public:
  explicit QuotingService(std::shared_ptr<const engine::Engine> engine)
      : engine_(std::move(engine)) {}

  std::string_view name() const override { return "fenqi.v1.Quoting"; }
  std::span<const Method> methods() const override { return kMethods; }
  std::unique_ptr<ServiceInstance> make_instance(Waker) override {
    return std::make_unique<Instance>(engine_);
  }

 private:
  std::shared_ptr<const engine::Engine> engine_;
};

}  // namespace

std::unique_ptr<Service> make_quoting_service(std::shared_ptr<const engine::Engine> engine) {
  return std::make_unique<QuotingService>(std::move(engine));
}

}  // namespace fenqi::server
