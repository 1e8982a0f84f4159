// One accepted socket and the Connection on it: moves bytes between the two, writes once for each
// batch of input, stops reading while the client does not take its answers, and closes in good
// order (write everything, say so, wait a little for the client's end).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "server/connection.h"
#include "server/transport.h"

namespace fenqi::server {

class Link;

// What the links of one worker share.
struct LinkIo {
  explicit LinkIo(const Limits& limits) : scope(limits), input(kInputBytes) {}

  static constexpr std::size_t kInputBytes = 64 << 10;
  WorkerScope scope;
  int epoll_fd = -1;
  std::vector<std::uint8_t> input;
  std::vector<std::uint8_t> output;
  // Links that must be looked at again before the worker sleeps. A link is in it at most once, and
  // leaves it when it is destroyed.
  std::vector<Link*> pending;
};

class Link final : public OutputListener {
 public:
  Link(LinkIo& io, FileDescriptor socket, SSL_CTX* tls, std::string peer);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Each of the three returns false when the link is to be destroyed.
  bool on_events(std::uint32_t events);
  // Continues what was put off: output made outside of input, or input left in the TLS layer.
  bool resume();
  bool check_timeouts();
  void begin_drain() { connection_.begin_drain(); }

  void on_output() override;
  std::size_t place = 0;  // in the worker's list

 private:
  bool read_input();
  bool flush();
  // Writes as much as the socket takes; the rest is kept, and the link is blocked.
  bool write(std::span<const std::uint8_t> data);
  bool blocked() const { return !unwritten_.empty(); }
  void update_interest();

  LinkIo& io_;
  Transport transport_;
  Connection connection_;
  std::vector<std::uint8_t> unwritten_;
  std::uint32_t interest_ = 0;
  std::int64_t last_write_ns_ = 0;
  std::int64_t close_by_ns_ = kNever;
  std::size_t discarded_ = 0;
  bool lingering_ = false;  // everything is written; waits for the client to close
  bool pending_ = false;
};

}  // namespace fenqi::server
