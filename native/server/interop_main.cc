// Serves grpc.testing.TestService for the interop clients of other languages.
//
//   interop --port=10000
#include <memory>
#include <utility>

#include "server/command_line.h"
#include "server/interop_service.h"

int main(int argc, char** argv) {
  using namespace fenqi::server;
  CommandLine line(argc, argv);
  ServerOptions options = read_server_options(line);
  if (!line.ok()) return line.usage("interop");
  return serve_until_signal(std::move(options), {std::make_shared<InteropService>()});
}
