#include "server/link.h"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

namespace fenqi::server {
namespace {

constexpr std::size_t kOutputBatch = 128 << 10;
// Turns that one link gets before the others have theirs.
constexpr int kTurns = 8;
// Input thrown away while a closed connection waits for the client's end.
constexpr std::size_t kMaxDiscarded = 1 << 20;

}  // namespace

Link::Link(LinkIo& io, FileDescriptor socket, SSL_CTX* tls, std::string peer)
    : io_(io),
      transport_(std::move(socket), tls),
      connection_(io.scope, *this, std::move(peer)),
      interest_(EPOLLIN) {
  epoll_event event{};
  event.events = interest_;
  event.data.ptr = this;
  epoll_ctl(io_.epoll_fd, EPOLL_CTL_ADD, transport_.fd(), &event);
}

Link::~Link() {
  if (pending_) std::erase(io_.pending, this);
}

void Link::on_output() {
  if (pending_) return;
  pending_ = true;
  io_.pending.push_back(this);
}

bool Link::on_events(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0 && !flush()) return false;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) return read_input();
  return true;
}

bool Link::resume() {
  pending_ = false;
  return flush() && (!transport_.is_tls() || read_input());
}

bool Link::read_input() {
  for (int turn = 0; turn < kTurns; ++turn) {
    if (blocked()) return true;
    std::size_t n = 0;
    const auto result = transport_.read(io_.input, n);
    if (result == Transport::Result::kClosed) return false;
    if (result == Transport::Result::kWouldBlock) return true;
    if (lingering_) {
      discarded_ += n;
      if (discarded_ > kMaxDiscarded) return false;
      continue;
    }
    connection_.receive({io_.input.data(), n});
    if (!flush()) return false;
    // What the kernel still holds wakes us again; what the TLS layer holds does not.
    if (!transport_.is_tls()) return true;
  }
  if (transport_.is_tls()) on_output();
  return true;
}

bool Link::flush() {
  if (lingering_) return true;
  if (!transport_.established()) return true;
  for (int turn = 0;; ++turn) {
    if (blocked()) {
      const std::vector<std::uint8_t> rest = std::exchange(unwritten_, {});
      if (!write(rest)) return false;
      if (blocked()) break;
    }
    if (turn == kTurns) {
      on_output();
      break;
    }
    io_.output.clear();
    const bool more = connection_.produce(io_.output, kOutputBatch);
    if (!io_.output.empty() && !write(io_.output)) return false;
    if (!more || blocked()) break;
  }
  if (!blocked() && connection_.done()) {
    lingering_ = true;
    close_by_ns_ =
        std::min(close_by_ns_, io_.scope.now.steady_ns + io_.scope.limits.close_timeout_ns);
    transport_.finish_writing();
  }
  update_interest();
  return true;
}

bool Link::write(std::span<const std::uint8_t> data) {
  while (!data.empty()) {
    std::size_t n = 0;
    const auto result = transport_.write(data, n);
    if (result == Transport::Result::kClosed) return false;
    if (result == Transport::Result::kWouldBlock) {
      if (unwritten_.capacity() == 0) last_write_ns_ = io_.scope.now.steady_ns;
      unwritten_.assign(data.begin(), data.end());
      return true;
    }
    last_write_ns_ = io_.scope.now.steady_ns;
    data = data.subspan(n);
  }
  return true;
}

void Link::update_interest() {
  const std::uint32_t wanted = blocked() ? EPOLLOUT : EPOLLIN;
  if (wanted == interest_) return;
  interest_ = wanted;
  epoll_event event{};
  event.events = wanted;
  event.data.ptr = this;
  epoll_ctl(io_.epoll_fd, EPOLL_CTL_MOD, transport_.fd(), &event);
}

bool Link::check_timeouts() {
  const std::int64_t now_ns = io_.scope.now.steady_ns;
  if (now_ns >= close_by_ns_) return false;
  if (lingering_) return true;
  if (blocked() && now_ns - last_write_ns_ > io_.scope.limits.write_timeout_ns) return false;
  connection_.check_timeouts();
  if (connection_.closing()) {
    if (!transport_.established()) return false;
    if (close_by_ns_ == kNever) close_by_ns_ = now_ns + io_.scope.limits.close_timeout_ns;
  }
  return true;
}

}  // namespace fenqi::server
