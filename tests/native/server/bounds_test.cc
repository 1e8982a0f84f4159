// What bounds a connection: timers, the abuse budget, and the scan of frame heads.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "server/abuse_budget.h"
#include "server/clock.h"
#include "server/frame_scanner.h"
#include "server/timer_queue.h"

using namespace fenqi::server;

namespace {

struct Note final : Timer {
  Note(std::vector<std::int64_t>& fired, std::int64_t due) : fired(fired), due(due) {}
  void on_timer(std::int64_t) override { fired.push_back(due); }
  std::vector<std::int64_t>& fired;
  std::int64_t due;
};

using Bytes = std::vector<std::uint8_t>;

Bytes frame(std::uint8_t type, std::uint8_t flags, std::size_t length) {
  Bytes out{0,
            static_cast<std::uint8_t>(length >> 8),
            static_cast<std::uint8_t>(length),
            type,
            flags,
            0,
            0,
            0,
            1};
  out.resize(out.size() + length);
  return out;
}

}  // namespace

TEST_CASE("timers fire in order of their time, whatever was set, moved and cancelled before") {
  std::mt19937 random(5);
  for (int round = 0; round < 100; ++round) {
    TimerQueue queue;
    std::vector<std::int64_t> fired;
    std::vector<std::unique_ptr<Note>> notes;
    for (int i = 0; i < 60; ++i) {
      notes.push_back(std::make_unique<Note>(fired, random() % 50));
      queue.set(*notes.back(), notes.back()->due);
    }
    std::vector<std::int64_t> expected;
    for (auto& note : notes) {
      if (random() % 3 == 0) {
        note->due = random() % 50;
        queue.set(*note, note->due);
      }
      if (random() % 4 == 0) {
        queue.cancel(*note);
      } else if (note->due <= 30) {
        expected.push_back(note->due);
      }
    }
    std::sort(expected.begin(), expected.end());
    queue.run(30);
    CHECK(fired == expected);
    CHECK(queue.next_due_ns() > 30);
  }
}

TEST_CASE("a timer that sets itself again while it fires waits for the next run of its time") {
  struct Again final : Timer {
    explicit Again(TimerQueue& queue) : queue(queue) {}
    void on_timer(std::int64_t now_ns) override {
      ++count;
      queue.set(*this, now_ns + 10);
    }
    TimerQueue& queue;
    int count = 0;
  };
  TimerQueue queue;
  Again again(queue);
  queue.set(again, 10);
  for (std::int64_t now = 0; now <= 100; now += 5) queue.run(now);
  CHECK(again.count == 10);
  queue.cancel(again);
  CHECK(queue.next_due_ns() == kNever);
}

TEST_CASE("resets in one burst are cut off, and are not when they keep a modest pace") {
  AbuseBudget burst;
  std::int64_t now = kSecond;
  int allowed = 0;
  while (burst.reset(now) && allowed < 1'000'000) ++allowed;
  CHECK(allowed == 10'000);

  AbuseBudget modest;
  for (int i = 0; i < 200'000; ++i) {
    now += kSecond / 4'000;
    REQUIRE(modest.reset(now));
  }
}

TEST_CASE("answered calls pay for resets at any pace") {
  AbuseBudget budget;
  for (int i = 0; i < 1'000'000; ++i) {
    budget.answered_call();
    REQUIRE(budget.reset(kSecond));
  }
}

TEST_CASE("protocol faults and idle frames have small budgets of their own") {
  AbuseBudget budget;
  int faults = 0;
  while (budget.fault(kSecond) && faults < 100'000) ++faults;
  CHECK(faults == 100);
  int idle = 0;
  while (budget.idle_frame(kSecond) && idle < 100'000) ++idle;
  CHECK(idle == 4'000);
  CHECK(budget.reset(kSecond));
  // Two for each frame that carries a call.
  budget.useful_frame();
  CHECK(budget.idle_frame(kSecond));
  CHECK(budget.idle_frame(kSecond));
  CHECK_FALSE(budget.idle_frame(kSecond));
}

TEST_CASE("frame heads are found however the bytes are cut") {
  Bytes bytes(24, 'p');
  const std::pair<std::uint8_t, std::size_t> frames[] = {
      {NGHTTP2_SETTINGS, 0}, {NGHTTP2_DATA, 700}, {0xba, 3}, {NGHTTP2_PING, 8}};
  for (const auto& [type, length] : frames) {
    const Bytes one = frame(type, 0, length);
    bytes.insert(bytes.end(), one.begin(), one.end());
  }
  std::mt19937 random(6);
  for (int round = 0; round < 300; ++round) {
    FrameScanner scanner;
    std::vector<std::pair<std::uint8_t, std::size_t>> seen;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t n = std::min<std::size_t>(1 + random() % 200, bytes.size() - at);
      scanner.scan({bytes.data() + at, n}, [&](const FrameHead& head) {
        CHECK(head.stream_id == 1);
        seen.emplace_back(head.type, head.length);
        return true;
      });
      at += n;
      if (at < bytes.size() && at < 24) CHECK_FALSE(scanner.at_rest());
    }
    CHECK(std::equal(seen.begin(), seen.end(), std::begin(frames), std::end(frames)));
    CHECK(scanner.at_rest());
  }
}

TEST_CASE("an open header block and a partial frame are not rest") {
  FrameScanner scanner;
  const auto all = [](const FrameHead&) { return true; };
  scanner.scan(Bytes(24, 'p'), all);
  CHECK(scanner.at_rest());
  scanner.scan(frame(NGHTTP2_HEADERS, 0, 5), all);
  CHECK_FALSE(scanner.at_rest());
  scanner.scan(frame(NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 5), all);
  CHECK(scanner.at_rest());
  const Bytes ping = frame(NGHTTP2_PING, 0, 8);
  scanner.scan({ping.data(), 12}, all);
  CHECK_FALSE(scanner.at_rest());
  scanner.scan({ping.data() + 12, ping.size() - 12}, all);
  CHECK(scanner.at_rest());
}

TEST_CASE("a scan stops where it is told to") {
  FrameScanner scanner;
  Bytes bytes(24, 'p');
  for (int i = 0; i < 3; ++i) {
    const Bytes one = frame(NGHTTP2_PING, 0, 8);
    bytes.insert(bytes.end(), one.begin(), one.end());
  }
  int seen = 0;
  CHECK_FALSE(scanner.scan(bytes, [&](const FrameHead&) { return ++seen < 2; }));
  CHECK(seen == 2);
}
