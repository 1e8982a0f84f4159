#include "server/worker.h"

#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "server/listener.h"

namespace fenqi::server {
namespace {

constexpr std::int64_t kSweepInterval = 100 * kMillisecond;
constexpr int kEvents = 256;
// Connections accepted before those that are open have their turn.
constexpr int kAcceptBatch = 32;

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

}  // namespace

Worker::Worker(const Setup& setup, FileDescriptor tcp_listener)
    : setup_(setup),
      tcp_listener_(std::move(tcp_listener)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      io_(setup.limits) {
  io_.epoll_fd = epoll_.get();
}

Worker::~Worker() = default;

void Worker::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_event_.get(), &one, sizeof one);
}

void Worker::drain() {
  drain_asked_.store(true, std::memory_order_release);
  wake();
}

void Worker::watch(int fd, void* tag, std::uint32_t events) const {
  epoll_event event{};
  event.events = events;
  event.data.ptr = tag;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void Worker::run(std::span<const std::shared_ptr<Service>> services, std::latch& ready) {
  if (setup_.cpu >= 0) pin_to(setup_.cpu);
  for (const std::shared_ptr<Service>& service : services) {
    instances_.push_back(service->make_instance([this] { wake(); }));
    io_.scope.bind(*service, *instances_.back());
  }
  watch(wake_event_.get(), &wake_event_, EPOLLIN);
  // Our own members serve as tags that no Link has.
  if (tcp_listener_.valid()) watch(tcp_listener_.get(), &tcp_listener_, EPOLLIN);
  if (setup_.unix_listener >= 0) {
    watch(setup_.unix_listener, &accepting_, EPOLLIN | EPOLLEXCLUSIVE);
  }
  ready.count_down();
  serve();
  while (!links_.empty()) destroy(*links_.back());
  instances_.clear();
}

int Worker::sleep_ms() const {
  if (!io_.pending.empty()) return 0;
  std::int64_t until = io_.scope.timers.next_due_ns();
  if (!links_.empty() || !accepting_) until = std::min(until, next_sweep_ns_);
  if (until == kNever) return -1;
  const std::int64_t wait = until - Instant::now().steady_ns;
  return wait <= 0 ? 0 : static_cast<int>((wait + kMillisecond - 1) / kMillisecond);
}

void Worker::serve() {
  std::array<epoll_event, kEvents> events;
  for (;;) {
    const int n = epoll_wait(epoll_.get(), events.data(), kEvents, sleep_ms());
    io_.scope.now = Instant::now();
    for (int i = 0; i < n; ++i) {
      void* tag = events[static_cast<std::size_t>(i)].data.ptr;
      if (tag == &tcp_listener_) {
        accept_from(tcp_listener_.get(), setup_.tls);
      } else if (tag == &accepting_) {
        accept_from(setup_.unix_listener, nullptr);
      } else if (tag == &wake_event_) {
        on_wake();
      } else {
        auto& link = *static_cast<Link*>(tag);
        if (!link.on_events(events[static_cast<std::size_t>(i)].events)) destroy(link);
      }
    }
    io_.scope.timers.run(io_.scope.now.steady_ns);
    run_pending();
    if (io_.scope.now.steady_ns >= next_sweep_ns_) sweep();
    if (draining_ && (links_.empty() || io_.scope.now.steady_ns >= drain_end_ns_)) return;
  }
}

void Worker::accept_from(int listener, SSL_CTX* tls) {
  for (int i = 0; i < kAcceptBatch; ++i) {
    std::string peer;
    bool exhausted = false;
    FileDescriptor socket = accept_connection(listener, peer, exhausted);
    if (exhausted) {
      // Waiting connections would wake us for ever: the next sweep tries again.
      stop_listening();
      return;
    }
    if (!socket.valid()) return;
    if (setup_.connections->fetch_add(1) >= setup_.limits.max_connections) {
      setup_.connections->fetch_sub(1);
      continue;  // closed at once
    }
    auto link = std::make_unique<Link>(io_, std::move(socket), tls, std::move(peer));
    link->place = links_.size();
    links_.push_back(std::move(link));
  }
}

void Worker::stop_listening() {
  accepting_ = false;
  if (tcp_listener_.valid()) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, tcp_listener_.get(), nullptr);
  }
  if (setup_.unix_listener >= 0) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, setup_.unix_listener, nullptr);
  }
}

void Worker::on_wake() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_event_.get(), &count, sizeof count);
  for (const auto& instance : instances_) instance->on_wake();
  if (draining_ || !drain_asked_.load(std::memory_order_acquire)) return;
  draining_ = true;
  // Who already waits at the door is let in, to be told with the others.
  if (tcp_listener_.valid()) accept_from(tcp_listener_.get(), setup_.tls);
  if (setup_.unix_listener >= 0) accept_from(setup_.unix_listener, nullptr);
  stop_listening();
  tcp_listener_.reset();
  // A little before the grace period ends, so that the process can be gone when it does.
  const std::int64_t margin = std::min(setup_.grace_ns / 10, 200 * kMillisecond);
  drain_end_ns_ = io_.scope.now.steady_ns + setup_.grace_ns - margin;
  for (const auto& link : links_) link->begin_drain();
}

void Worker::run_pending() {
  // What is put off again waits for the next turn of the loop. A link destroys none but itself.
  batch_.swap(io_.pending);
  for (Link* link : batch_) {
    if (!link->resume()) destroy(*link);
  }
  batch_.clear();
}

void Worker::sweep() {
  next_sweep_ns_ = io_.scope.now.steady_ns + kSweepInterval;
  for (std::size_t i = 0; i < links_.size();) {
    if (links_[i]->check_timeouts()) {
      ++i;
    } else {
      destroy(*links_[i]);  // another takes its place
    }
  }
  if (!accepting_ && !draining_) {
    accepting_ = true;
    if (tcp_listener_.valid()) watch(tcp_listener_.get(), &tcp_listener_, EPOLLIN);
    if (setup_.unix_listener >= 0) {
      watch(setup_.unix_listener, &accepting_, EPOLLIN | EPOLLEXCLUSIVE);
    }
  }
}

void Worker::destroy(Link& link) {
  const std::size_t place = link.place;
  std::swap(links_[place], links_.back());
  links_[place]->place = place;
  links_.pop_back();
  setup_.connections->fetch_sub(1);
}

}  // namespace fenqi::server
