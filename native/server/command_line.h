// The command line of the small tools that serve (interop, floor): "--name=value" flags.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/server.h"

namespace fenqi::server {

class CommandLine {
 public:
  CommandLine(int argc, char** argv);

  // Each names a flag, and takes it off the list of those that nobody asked for.
  std::string text(const std::string& name, const std::string& otherwise = "");
  std::int64_t number(const std::string& name, std::int64_t otherwise);
  std::vector<int> numbers(const std::string& name);

  // False when a flag is malformed or unknown; to be asked after the last flag was taken.
  bool ok() const { return wrong_.empty() && flags_.empty(); }
  // Prints what is wrong and which flags there are; returns the exit status 2.
  int usage(const std::string& program) const;

 private:
  std::map<std::string, std::string> flags_;
  std::vector<std::string> known_;
  std::string wrong_;
};

// --address --port --unix --workers --cpus --tls-cert --tls-key --tls-client-ca --grace-ms and the
// limits that tests change.
ServerOptions read_server_options(CommandLine& line);

// Starts, prints "listening on ADDRESS:PORT" on a line of its own, serves until SIGTERM or SIGINT,
// drains. Returns the exit status.
int serve_until_signal(ServerOptions options, std::vector<std::shared_ptr<Service>> services);

}  // namespace fenqi::server
