// The no-work floor of the front: a unary /fenqi.v1.Scoring/Score that answers a fixed body. What
// scoring costs is what a real server takes above this.
//
//   floor --port=50051 --workers=1 --cpus=0 --body-bytes=130
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "server/command_line.h"
#include "server/server.h"

namespace {

using namespace fenqi::server;

constexpr std::array<Method, 1> kMethods{{{"/fenqi.v1.Scoring/Score", MethodKind::kUnary, 0}}};

class FixedAnswerInstance final : public ServiceInstance {
 public:
  explicit FixedAnswerInstance(std::size_t body_bytes) : body_(body_bytes, 0x20) {}
  void unary(Call& call, std::uint32_t, std::span<const std::uint8_t>) override {
    call.send(body_);
    call.finish({});
  }

 private:
  std::vector<std::uint8_t> body_;
};

class FixedAnswer final : public Service {
 public:
  explicit FixedAnswer(std::size_t body_bytes) : body_bytes_(body_bytes) {}
  std::string_view name() const override { return "fenqi.v1.Scoring"; }
  std::span<const Method> methods() const override { return kMethods; }
  std::unique_ptr<ServiceInstance> make_instance(Waker) override {
    return std::make_unique<FixedAnswerInstance>(body_bytes_);
  }

 private:
  const std::size_t body_bytes_;
};

}  // namespace

int main(int argc, char** argv) {
  CommandLine line(argc, argv);
  ServerOptions options = read_server_options(line);
  const auto body_bytes = static_cast<std::size_t>(line.number("body-bytes", 130));
  if (!line.ok()) return line.usage("floor [--body-bytes=N]");
  return serve_until_signal(std::move(options), {std::make_shared<FixedAnswer>(body_bytes)});
}
