// One HTTP/2 connection without its socket: bytes in, bytes out.
//
// The owner feeds `receive`, then calls `produce` until it yields nothing and writes what it got.
// It calls `check_timeouts` now and then, and closes the socket once `done`. All on one thread.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/abuse_budget.h"
#include "server/frame_scanner.h"
#include "server/worker_scope.h"

namespace fenqi::server {

class Stream;

// Told when a connection has output that did not come from `receive`: a timer, a wake-up.
class OutputListener {
 public:
  virtual void on_output() = 0;

 protected:
  ~OutputListener() = default;
};

class Connection {
 public:
  Connection(WorkerScope& scope, OutputListener& listener, std::string peer);
  // Cancels the calls that are still open.
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void receive(std::span<const std::uint8_t> bytes);
  // Appends frames to `out` until it holds `limit` bytes or there are none. True when some may be
  // left.
  bool produce(std::vector<std::uint8_t>& out, std::size_t limit);
  // Nothing more is wanted from the client or for it, once what was produced is written.
  bool done() const;
  // It ends, by an error or a limit; what is left to be written is a farewell.
  bool closing() const { return stage_ == Stage::kClosing; }
  // Ends the connection, or a stage of shutting down, when its time is over.
  void check_timeouts();
  // Graceful end: GOAWAY that names no last stream, then, at a later check, the real one.
  void begin_drain();
  // Ends the connection now: GOAWAY with an NGHTTP2_* error code, and nothing is read any more.
  void close(std::uint32_t error_code);

  // For Stream.
  WorkerScope& scope() const { return scope_; }
  nghttp2_session* session() const { return session_; }
  std::string_view peer() const { return peer_; }
  // False when too many bytes of requests are held: the connection's, or the worker's.
  bool note_request_bytes(std::ptrdiff_t change);
  void note_response_bytes(std::ptrdiff_t change);
  // Too many bytes of responses wait: the connection's, or the worker's.
  bool overfull() const;
  void note_output();
  void note_drained(Stream& stream);

 private:
  friend struct Http2Callbacks;

  enum class Stage : std::uint8_t { kServing, kDraining, kLastStreams, kClosing };

  bool admit(const FrameHead& frame);
  void open_stream(std::int32_t id);
  void close_stream(Stream& stream, std::uint32_t error_code);
  void on_frame_sent(const nghttp2_frame& frame);
  void run_drained();

  WorkerScope& scope_;
  OutputListener& listener_;
  const std::string peer_;
  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<std::int32_t> drained_;
  FrameScanner scanner_;
  AbuseBudget budget_;
  std::size_t header_list_bytes_ = 0;
  std::size_t bytes_since_call_ = 0;
  std::size_t request_bytes_ = 0;
  std::size_t response_bytes_ = 0;
  std::int64_t opened_ns_;
  std::int64_t last_receive_ns_;
  std::int64_t last_data_ns_ = 0;  // since when the oldest response byte has waited, at most
  std::int64_t unrest_since_ns_ = kNever;  // when the frame began that is still incomplete
  std::int64_t drain_began_ns_ = 0;
  Stage stage_ = Stage::kServing;
  bool handshake_done_ = false;
  bool served_ = false;   // at least one gRPC call was answered
  bool suspect_ = false;  // it made protocol faults, or takes us for a web server
  bool out_of_budget_ = false;
  bool in_io_ = false;
};

}  // namespace fenqi::server
