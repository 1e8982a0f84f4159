#include "server/server.h"

#include <latch>
#include <utility>

#include "base/blocked_signals.h"
#include "server/worker.h"

namespace fenqi::server {
Server::Server(ServerOptions options, std::vector<std::shared_ptr<Service>> services)
    : options_(std::move(options)),
      health_(std::make_shared<HealthService>()),
      services_(std::move(services)) {
  services_.push_back(health_);
}

Server::~Server() {
  begin_shutdown();
  wait();
}

Status Server::listen(std::vector<FileDescriptor>& sockets) {
  if (!options_.unix_path.empty()) {
    if (Status status = listen_unix(options_.unix_path, unix_listener_); !status.ok()) {
      return status;
    }
  }
  if (options_.address.empty()) {
    sockets.resize(static_cast<std::size_t>(options_.workers));
    return {};
  }
  if (options_.port != 0) {
    if (Status status = check_port_free(options_.address, options_.port); !status.ok()) {
      return status;
    }
  }
  for (int i = 0; i < options_.workers; ++i) {
    FileDescriptor socket;
    if (Status status = listen_tcp(options_.address, options_.port, socket); !status.ok()) {
      return status;
    }
    sockets.push_back(std::move(socket));
  }
  return {};
}

Status Server::start() {
  if (options_.workers < 1) return invalid_field("workers", "at least one is needed");
  if (options_.address.empty() && options_.unix_path.empty()) {
    return invalid_field("address", "neither a TCP address nor a Unix socket is given");
  }
  if (!options_.tls.certificate_chain.empty()) {
    if (Status status = make_tls_context(options_.tls, tls_); !status.ok()) return status;
  }
  std::vector<FileDescriptor> sockets;
  if (Status status = listen(sockets); !status.ok()) return status;

  const BlockedSignals blocked;
  std::latch ready(options_.workers);
  for (int i = 0; i < options_.workers; ++i) {
    const auto n = static_cast<std::size_t>(i);
    Worker::Setup setup;
    setup.limits = options_.limits;
    setup.grace_ns = options_.grace_ns;
    setup.tls = tls_.get();
    setup.unix_listener = unix_listener_.get();
    setup.cpu = options_.cpus.empty() ? -1 : options_.cpus[n % options_.cpus.size()];
    setup.connections = &connections_;
    workers_.push_back(std::make_unique<Worker>(setup, std::move(sockets[n])));
    threads_.emplace_back(
        [this, &ready, worker = workers_.back().get()] { worker->run(services_, ready); });
  }
  ready.wait();
  health_->set_status("", ServingStatus::kServing);
  for (const auto& service : services_) {
    health_->set_status(service->name(), ServingStatus::kServing);
  }
  return {};
}

void Server::begin_shutdown() {
  health_->shut_down();
  for (const auto& worker : workers_) worker->drain();
}

void Server::wait() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  if (unix_listener_.valid()) {
    unix_listener_.reset();
    ::unlink(options_.unix_path.c_str());
  }
}

}  // namespace fenqi::server
