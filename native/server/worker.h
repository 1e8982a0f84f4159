// One thread of the server: its listener, its connections, its timers and its instance of every
// service. Reads, handles and answers each request to completion.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <memory>
#include <span>
#include <vector>

#include "server/file_descriptor.h"
#include "server/link.h"
#include "server/service.h"

namespace fenqi::server {

class Worker {
 public:
  struct Setup {
    Limits limits;
    std::int64_t grace_ns = 0;
    SSL_CTX* tls = nullptr;                           // for TCP; outlives the worker
    int unix_listener = -1;                           // shared with the other workers; -1 for none
    int cpu = -1;                                     // to be pinned to; -1 for any
    std::atomic<std::size_t>* connections = nullptr;  // of the whole server
  };

  Worker(const Setup& setup, FileDescriptor tcp_listener);
  ~Worker();

  // The thread's body: counts `ready` down once it serves, and returns when a drain is complete.
  void run(std::span<const std::shared_ptr<Service>> services, std::latch& ready);

  // From any thread.
  void wake();
  void drain();

 private:
  void serve();
  int sleep_ms() const;
  void watch(int fd, void* tag, std::uint32_t events) const;
  void accept_from(int listener, SSL_CTX* tls);
  void on_wake();
  void run_pending();
  void sweep();
  void stop_listening();
  void destroy(Link& link);

  const Setup setup_;
  FileDescriptor tcp_listener_;
  FileDescriptor epoll_;
  FileDescriptor wake_event_;
  LinkIo io_;
  std::vector<std::unique_ptr<ServiceInstance>> instances_;
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<Link*> batch_;
  std::int64_t next_sweep_ns_ = 0;
  std::int64_t drain_end_ns_ = kNever;
  std::atomic<bool> drain_asked_ = false;
  bool draining_ = false;
  bool accepting_ = true;
};

}  // namespace fenqi::server
