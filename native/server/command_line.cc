#include "server/command_line.h"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <sstream>
#include <utility>

namespace fenqi::server {
namespace {

bool parse_number(const std::string& text, std::int64_t& value) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

}  // namespace

CommandLine::CommandLine(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const std::size_t equals = flag.find('=');
    if (!flag.starts_with("--") || equals == std::string::npos) {
      wrong_ = "\"" + flag + "\" is not of the form --name=value";
      continue;
    }
    flags_[flag.substr(2, equals - 2)] = flag.substr(equals + 1);
  }
}

std::string CommandLine::text(const std::string& name, const std::string& otherwise) {
  known_.push_back(name);
  const auto found = flags_.extract(name);
  return found.empty() ? otherwise : found.mapped();
}

std::int64_t CommandLine::number(const std::string& name, std::int64_t otherwise) {
  std::int64_t value = otherwise;
  const std::string given = text(name);
  if (!given.empty() && (!parse_number(given, value) || value < 0)) {
    wrong_ = "--" + name + " takes a number of at least 0, not \"" + given + "\"";
  }
  return value;
}

std::vector<int> CommandLine::numbers(const std::string& name) {
  std::vector<int> values;
  std::istringstream list(text(name));
  for (std::string item; std::getline(list, item, ',');) {
    std::int64_t value = 0;
    if (!parse_number(item, value) || value < 0) {
      wrong_ = "--" + name + " takes numbers with commas between, not \"" + item + "\"";
    }
    values.push_back(static_cast<int>(value));
  }
  return values;
}

int CommandLine::usage(const std::string& program) const {
  if (!wrong_.empty()) std::fprintf(stderr, "%s\n", wrong_.c_str());
  for (const auto& [name, value] : flags_) {
    std::fprintf(stderr, "unknown flag --%s=%s\n", name.c_str(), value.c_str());
  }
  std::fprintf(stderr, "usage: %s, with --name=value for any of:", program.c_str());
  for (const std::string& name : known_) std::fprintf(stderr, " %s", name.c_str());
  std::fprintf(stderr, "\n");
  return 2;
}

ServerOptions read_server_options(CommandLine& line) {
  ServerOptions options;
  options.address = line.text("address", options.address);
  options.port = static_cast<int>(line.number("port", 0));
  options.unix_path = line.text("unix");
  options.workers = static_cast<int>(line.number("workers", 1));
  options.cpus = line.numbers("cpus");
  options.tls.certificate_chain = line.text("tls-cert");
  options.tls.private_key = line.text("tls-key");
  options.tls.client_ca = line.text("tls-client-ca");
  Limits& limits = options.limits;
  const auto size = [&line](const char* name, std::size_t otherwise) {
    return static_cast<std::size_t>(line.number(name, static_cast<std::int64_t>(otherwise)));
  };
  const auto milliseconds = [&line](const char* name, std::int64_t otherwise_ns) {
    return line.number(name, otherwise_ns / kMillisecond) * kMillisecond;
  };
  options.grace_ns = milliseconds("grace-ms", options.grace_ns);
  limits.max_message_bytes = size("max-message-bytes", limits.max_message_bytes);
  limits.max_connections = size("max-connections", limits.max_connections);
  limits.max_concurrent_streams =
      static_cast<std::uint32_t>(size("max-streams", limits.max_concurrent_streams));
  limits.handshake_timeout_ns = milliseconds("handshake-timeout-ms", limits.handshake_timeout_ns);
  limits.frame_timeout_ns = milliseconds("frame-timeout-ms", limits.frame_timeout_ns);
  limits.request_timeout_ns = milliseconds("request-timeout-ms", limits.request_timeout_ns);
  limits.write_timeout_ns = milliseconds("write-timeout-ms", limits.write_timeout_ns);
  limits.stall_timeout_ns = milliseconds("stall-timeout-ms", limits.stall_timeout_ns);
  limits.first_call_timeout_ns =
      milliseconds("first-call-timeout-ms", limits.first_call_timeout_ns);
  limits.idle_timeout_ns = milliseconds("idle-timeout-ms", limits.idle_timeout_ns);
  return options;
}

int serve_until_signal(ServerOptions options, std::vector<std::shared_ptr<Service>> services) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  const std::string address = options.address;
  const std::string unix_path = options.unix_path;
  Server server(std::move(options), std::move(services));
  if (const Status status = server.start(); !status.ok()) {
    std::fprintf(stderr, "%s\n", status.message.c_str());
    return 1;
  }
  if (!unix_path.empty()) std::printf("listening on unix:%s\n", unix_path.c_str());
  if (!address.empty()) std::printf("listening on %s:%d\n", address.c_str(), server.port());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&ends, &signal);
  server.begin_shutdown();
  server.wait();
  return 0;
}

}  // namespace fenqi::server
