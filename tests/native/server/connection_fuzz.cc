// Any bytes into a Connection, without sockets: in pieces, with time passing between them, then a
// drain. The input's last byte chooses the pieces. Seeds: ../corpus/connection_fuzz.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "server/connection.h"
#include "server/health.h"
#include "server/interop_service.h"
#include "server/worker_scope.h"

namespace {

using namespace fenqi::server;

struct Deaf final : OutputListener {
  void on_output() override {}
};

Limits small_limits() {
  Limits limits;
  limits.max_message_bytes = 64 << 10;
  limits.max_queued_response_bytes = 1 << 20;
  limits.stream_high_water_bytes = 4 << 10;
  return limits;
}

struct World {
  World() : scope(small_limits()) {
    health.set_status("", ServingStatus::kServing);
    instances.push_back(interop.make_instance([] {}));
    scope.bind(interop, *instances.back());
    instances.push_back(health.make_instance([] {}));
    scope.bind(health, *instances.back());
  }
  InteropService interop;
  HealthService health;
  WorkerScope scope;
  std::vector<std::unique_ptr<ServiceInstance>> instances;
};

void pass_time(World& world, Connection& connection, std::int64_t ns) {
  world.scope.now.steady_ns += ns;
  world.scope.timers.run(world.scope.now.steady_ns);
  connection.check_timeouts();
}

void take_output(Connection& connection, std::vector<std::uint8_t>& output) {
  constexpr std::size_t kBatch = 128 << 10;
  constexpr int kTurns = 64;
  for (int turn = 0; turn < kTurns; ++turn) {
    output.clear();
    if (!connection.produce(output, kBatch)) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  static std::vector<std::uint8_t> output;
  Deaf listener;
  {
    Connection connection(world.scope, listener, "fuzz");
    const std::span<const std::uint8_t> bytes(data, size);
    const std::size_t piece = size == 0 ? 1 : 1 + std::size_t{bytes.back()} * bytes.back();
    for (std::size_t at = 0; at < size && !connection.done(); at += piece) {
      connection.receive(bytes.subspan(at, std::min(piece, size - at)));
      take_output(connection, output);
      pass_time(world, connection, kMillisecond);
    }
    take_output(connection, output);
    connection.begin_drain();
    pass_time(world, connection, kSecond);
    take_output(connection, output);
  }
  if (world.scope.timers.next_due_ns() != kNever)
    __builtin_trap();  // a call outlived its connection
  return 0;
}
