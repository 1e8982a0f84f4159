#include "load/load.h"

#include <sched.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <deque>

#include "load/arrivals.h"
#include "load/connection.h"

namespace fenqi::load {
namespace {

std::atomic<bool> stop_requested{false};  // the one thing that a signal handler may touch

std::int64_t now_ns() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

std::int64_t to_ns(double seconds) {
  return static_cast<std::int64_t>(seconds * 1e9);
}

// Closer arrivals than this are waited for without sleeping, and so are answers: waking up takes
// tens of microseconds, which would be charged to the server.
constexpr std::int64_t kSpinNs = 200'000;
constexpr std::int64_t kTimeoutCheckNs = 50'000'000;

class Generator final : public CallSink {
 public:
  explicit Generator(const LoadOptions& options)
      : options_(options),
        timeout_ns_(to_ns(options.timeout_s)),
        arrivals_(options.rate, options.seed) {
    report_.matched.resize(options.answers.size() / options.requests.size());
  }

  ~Generator() {
    if (epoll_ >= 0) close(epoll_);
  }

  Result<Report> run() {
    if (Status s = connect(); !s.ok()) return s;
    start_ns_ = now_ns();
    measure_from_ = start_ns_ + to_ns(options_.warmup_s);
    stop_at_ = measure_from_ + to_ns(options_.duration_s);
    next_due_ = start_ns_ + static_cast<std::int64_t>(arrivals_.next());
    while (!finished()) {
      offer();
      flush();
      receive();
      cancel_overdue();
    }
    count_unanswered();
    report_.seconds =
        static_cast<double>(std::max<std::int64_t>(0, last_answer_ - measure_from_)) / 1e9;
    return std::move(report_);
  }

  void call_ended(const Call& call, Ending ending) override {
    const std::int64_t now = now_ns();
    if (ending == Ending::kStatus && call.grpc_status == 0 && !report_.matched.empty()) check(call);
    if (call.measured) {
      last_answer_ = now;
      switch (ending) {
        case Ending::kStatus:
          if (now - call.due_ns > timeout_ns_) {
            ++report_.timeouts;
          } else if (call.grpc_status == 0) {
            ++report_.answered;
            report_.latency->record(static_cast<std::uint64_t>(now - call.due_ns));
          } else {
            ++report_.failed_by_status[call.grpc_status];
          }
          break;
        case Ending::kReset:
          ++report_.resets;
          break;
        case Ending::kConnectionLost:
          ++report_.connections_lost;
          break;
      }
    }
  }

 private:
  Status connect() {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < options_.connections; ++i) {
      auto made = Connection::connect(options_.target, options_.path, options_.streams,
                                      !options_.answers.empty(), *this);
      if (!made.ok()) return made.status();
      epoll_event event{.events = EPOLLIN, .data = {.ptr = made.value().get()}};
      epoll_ctl(epoll_, EPOLL_CTL_ADD, made.value()->fd(), &event);
      connections_.push_back(std::move(made.value()));
    }
    return {};
  }

  void check(const Call& call) {
    const auto request = static_cast<std::size_t>(call.message - options_.requests.data());
    const std::size_t choices = report_.matched.size();
    for (std::size_t i = 0; i < choices; ++i) {
      if (call.answers(options_.answers[request * choices + i])) {
        ++report_.matched[i];
        return;
      }
    }
    ++report_.mixed;
  }

  // Sends what is due as far as streams are free.
  void offer() {
    const std::int64_t now = now_ns();
    if (stop_requested.load(std::memory_order_relaxed)) stop_at_ = std::min(stop_at_, now);
    if (now >= stop_at_ && (options_.closed || next_due_ >= stop_at_)) arrivals_ended_ = true;
    if (options_.closed) {
      while (!arrivals_ended_) {
        Connection* connection = find_room();
        if (connection == nullptr) return;
        send(*connection, now);
      }
      return;
    }
    while (!arrivals_ended_ && next_due_ <= now) {
      Connection* connection = waiting_.empty() ? find_room() : nullptr;
      if (connection != nullptr) {
        if (next_due_ >= measure_from_) unflushed_.push_back(next_due_);
        send(*connection, next_due_);
      } else {
        waiting_.push_back(next_due_);
      }
      next_due_ = start_ns_ + static_cast<std::int64_t>(arrivals_.next());
      if (next_due_ >= stop_at_) arrivals_ended_ = true;
    }
    while (!waiting_.empty()) {
      Connection* connection = find_room();
      if (connection == nullptr) return;
      send(*connection, waiting_.front());
      waiting_.pop_front();
    }
  }

  // Hands the sockets what offer() opened. The generator's lateness ends here: on a shared
  // processor the server may run before send() returns.
  void flush() {
    if (!unflushed_.empty()) {
      const std::int64_t now = now_ns();
      for (const std::int64_t due : unflushed_) {
        report_.lateness->record(static_cast<std::uint64_t>(now - due));
      }
      unflushed_.clear();
    }
    all_written_ = true;
    for (const auto& connection : connections_) all_written_ &= connection->flush();
  }

  // The next connection in turn that has a free stream.
  Connection* find_room() {
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      Connection& connection = *connections_[turn_++ % connections_.size()];
      if (connection.has_room()) return &connection;
    }
    return nullptr;
  }

  void send(Connection& connection, std::int64_t due_ns) {
    const bool measured = due_ns >= measure_from_;
    report_.arrivals += measured ? 1 : 0;
    connection.open(options_.requests[next_request_++ % options_.requests.size()], due_ns,
                    measured);
  }

  void receive() {
    epoll_event events[64];
    const int ready = wait(events);
    for (int i = 0; i < ready; ++i) {
      auto* connection = static_cast<Connection*>(events[i].data.ptr);
      connection->receive();
      if (!connection->alive()) epoll_ctl(epoll_, EPOLL_CTL_DEL, connection->fd(), nullptr);
    }
  }

  int wait(epoll_event (&events)[64]) const {
    std::int64_t pause = kTimeoutCheckNs;
    if (!arrivals_ended_ && !options_.closed) pause = next_due_ - now_ns();
    if (open_calls() > 0 || !all_written_) pause = 0;
    if (pause <= kSpinNs) return epoll_wait(epoll_, events, 64, 0);
    const std::int64_t sleep = std::min(pause - kSpinNs, kTimeoutCheckNs);
    const timespec time{.tv_sec = 0, .tv_nsec = static_cast<long>(sleep)};
    return epoll_pwait2(epoll_, events, 64, &time, nullptr);
  }

  void cancel_overdue() {
    const std::int64_t now = now_ns();
    if (now < next_check_) return;
    next_check_ = now + kTimeoutCheckNs;
    for (const auto& connection : connections_) {
      report_.timeouts += connection->cancel_due_before(now - timeout_ns_);
    }
  }

  bool finished() const {
    if (!any_alive()) return true;
    if (!arrivals_ended_) return false;
    if (open_calls() == 0 && waiting_.empty()) return true;
    return now_ns() > stop_at_ + timeout_ns_;
  }

  bool any_alive() const {
    return std::any_of(connections_.begin(), connections_.end(),
                       [](const auto& connection) { return connection->alive(); });
  }

  int open_calls() const {
    int open = 0;
    for (const auto& connection : connections_) open += connection->open_calls();
    return open;
  }

  // Requests that were due and have no answer at the end, so that each arrival counts once.
  void count_unanswered() {
    report_.all_lost = !any_alive();
    for (const auto& connection : connections_) {
      report_.timeouts += connection->cancel_due_before(INT64_MAX);
    }
    std::uint64_t unsent = 0;
    for (const std::int64_t due : waiting_) unsent += due >= measure_from_ ? 1 : 0;
    report_.arrivals += unsent;
    (report_.all_lost ? report_.connections_lost : report_.timeouts) += unsent;
  }

  const LoadOptions& options_;
  const std::int64_t timeout_ns_;
  Arrivals arrivals_;
  Report report_;
  int epoll_ = -1;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<std::int64_t> waiting_;     // when they were due
  std::vector<std::int64_t> unflushed_;  // when they were due: opened, and not yet at the socket
  bool all_written_ = true;              // the sockets took everything
  std::size_t turn_ = 0;
  std::size_t next_request_ = 0;
  bool arrivals_ended_ = false;
  std::int64_t start_ns_ = 0;
  std::int64_t measure_from_ = 0;
  std::int64_t stop_at_ = 0;
  std::int64_t next_due_ = 0;
  std::int64_t next_check_ = 0;
  std::int64_t last_answer_ = 0;
};

Status check(const LoadOptions& options) {
  const auto bad = [](const char* what) { return error(StatusCode::kInvalidArgument, what); };
  if (options.requests.empty()) return bad("there are no requests to send");
  if (options.answers.size() % options.requests.size() != 0) {
    return bad("there must be as many answers for each request");
  }
  if (!options.closed && !(options.rate > 0 && options.rate <= 1e7)) {
    return bad("rate must lie above 0 and at most at 10,000,000 a second");
  }
  if (!(options.duration_s > 0 && options.duration_s <= 3600)) {
    return bad("duration must lie above 0 and at most at 3,600 seconds");
  }
  if (!(options.warmup_s >= 0 && options.warmup_s <= 3600)) return bad("warmup is out of range");
  if (!(options.timeout_s > 0 && options.timeout_s <= 3600)) return bad("timeout is out of range");
  if (options.connections < 1 || options.connections > 10000) {
    return bad("connections must lie in 1 .. 10,000");
  }
  if (options.streams < 1 || options.streams > 10000) return bad("streams must lie in 1 .. 10,000");
  return {};
}

Status pin(int cpu) {
  if (cpu < 0) return {};
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  if (sched_setaffinity(0, sizeof set, &set) == 0) return {};
  return error(StatusCode::kInvalidArgument, "cannot run on processor " + std::to_string(cpu));
}

}  // namespace

std::uint64_t Report::errors() const {
  std::uint64_t sum = resets + connections_lost + timeouts;
  for (const auto& [status, count] : failed_by_status) sum += count;
  return sum;
}

bool Report::generator_saturated() const {
  return latency->count() > 0 && (2 * lateness->percentile(50) > latency->percentile(50) ||
                                  2 * lateness->percentile(99) > latency->percentile(99));
}

void request_stop() {
  stop_requested.store(true, std::memory_order_relaxed);
}

Result<Report> run(const LoadOptions& options) {
  if (Status s = check(options); !s.ok()) return s;
  if (Status s = pin(options.cpu); !s.ok()) return s;
  return Generator(options).run();
}

}  // namespace fenqi::load
