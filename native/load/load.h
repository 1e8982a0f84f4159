// An open-loop load generator for unary gRPC calls.
//
// Arrivals are a Poisson process: when the server is slow, requests come all the same, and wait.
// Latency counts from the moment a request was due, not from when it could be sent, so that a slow
// answer is charged with the waiting that it caused ("coordinated omission" is what closed-loop
// generators do instead). A closed loop is there too, to find the saturated rate.
//
// One thread; it polls without sleeping while arrivals are near or answers are awaited, so give it
// a core of its own.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "base/result.h"

namespace fenqi::load {

using Bytes = std::vector<std::uint8_t>;

struct LoadOptions {
  std::string target = "127.0.0.1:8443";  // host:port with a numeric host, or unix:PATH
  std::string path = "/fenqi.v1.Scoring/Score";
  std::vector<Bytes> requests;  // serialized messages, sent in turn
  // What an answer may be: as many for each request, in the requests' order. Empty: anything.
  std::vector<Bytes> answers;
  double rate = 1000.0;      // arrivals a second; ignored in a closed loop
  bool closed = false;       // every stream sends its next request when it has its answer
  double duration_s = 10.0;  // measured, after the warm-up
  double warmup_s = 1.0;
  int connections = 8;
  int streams = 16;         // at most, open at once on each connection
  int cpu = -1;             // pinned to it; -1 for no pinning
  double timeout_s = 10.0;  // a request without an answer after that is an error
  std::uint64_t seed = 1;   // of the arrivals
};

struct Report {
  double seconds = 0.0;        // from the first measured arrival to the last answer
  std::uint64_t arrivals = 0;  // measured requests that were due
  std::uint64_t answered = 0;  // of them with status OK
  std::map<int, std::uint64_t> failed_by_status;  // gRPC status to count
  std::uint64_t resets = 0;                       // streams that the server reset
  std::uint64_t connections_lost = 0;             // requests that went down with their connection
  std::uint64_t timeouts = 0;                     // no answer, or one later than the timeout
  // Where answers are checked, of all requests, the warm-up's too: how many were the first, second,
  // ... of what they may be, byte by byte, and how many were none of them.
  std::vector<std::uint64_t> matched;
  std::uint64_t mixed = 0;
  bool all_lost = false;  // no connection was left, so that the run ended before its time
  // Nanoseconds from due to answered, of answered requests.
  std::unique_ptr<Histogram> latency = std::make_unique<Histogram>();
  // Nanoseconds from due to when the generator turned to the socket, of requests that found a free
  // stream at once: by so much it was late itself.
  std::unique_ptr<Histogram> lateness = std::make_unique<Histogram>();

  std::uint64_t errors() const;
  // Whether the generator's own lateness is a good part of the latencies (half of p50 or of p99),
  // so that they say more about it than about the server.
  bool generator_saturated() const;
  double rate() const { return seconds > 0.0 ? static_cast<double>(answered) / seconds : 0.0; }
};

// Runs to the end, or until request_stop() is called. Fails with UNAVAILABLE when it cannot connect
// and with INVALID_ARGUMENT for options that make no sense.
Result<Report> run(const LoadOptions& options);

// Ends a run early; requests that are due by then still get their time, and it reports. Safe in a
// signal handler.
void request_stop();

}  // namespace fenqi::load
