// The gRPC data plane: N workers that serve the given services, and grpc.health.v1, over TCP (in
// cleartext or TLS) and a Unix socket.
//
//   Server server({.port = 8443, .workers = 2}, {scoring});
//   if (Status status = server.start(); !status.ok()) ...
//   ... server.begin_shutdown();   // from any thread
//   server.wait();
//
// Installs no signal handlers, and blocks every signal on its own threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/status.h"
#include "server/health.h"
#include "server/limits.h"
#include "server/listener.h"
#include "server/service.h"
#include "server/tls.h"

namespace fenqi::server {

class Worker;

struct ServerOptions {
  std::string address = "127.0.0.1";  // numeric; empty for no TCP listener
  int port = 0;                       // 0 takes a free one, see Server::port
  std::string unix_path;              // empty for none; always cleartext
  int workers = 1;
  std::vector<int> cpus;  // worker i is pinned to cpus[i % size]; empty for no pinning
  TlsFiles tls;           // TCP is cleartext while certificate_chain is empty
  // From begin_shutdown to the end of wait, at most; calls that are still open then are cancelled.
  std::int64_t grace_ns = 10 * kSecond;
  Limits limits;
};

class Server {
 public:
  Server(ServerOptions options, std::vector<std::shared_ptr<Service>> services);
  // Shuts down without grace if it is still serving.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Listens and serves; returns once every worker is ready. Health is SERVING for the server and
  // for each service. To be called once.
  Status start();
  // The TCP port that is bound.
  int port() const { return options_.port; }
  HealthService& health() { return *health_; }

  // Health turns NOT_SERVING, clients get GOAWAY, calls in flight finish. Returns at once; from any
  // thread, any number of times.
  void begin_shutdown();
  // Returns when every worker has ended, at most the grace period after begin_shutdown. One thread
  // may wait.
  void wait();

 private:
  Status listen(std::vector<FileDescriptor>& sockets);

  ServerOptions options_;
  std::shared_ptr<HealthService> health_;
  std::vector<std::shared_ptr<Service>> services_;
  SslContext tls_;
  FileDescriptor unix_listener_;
  std::atomic<std::size_t> connections_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
};

}  // namespace fenqi::server
