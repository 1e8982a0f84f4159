// What one client may take from the server. Every bound that the front enforces has its number
// here; docs/bad-input.md says what a caller sees when one is passed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "server/clock.h"

namespace fenqi::server {

struct Limits {
  // One request message, both as sent and after decompression.
  std::size_t max_message_bytes = std::size_t{4} << 20;
  std::uint32_t max_concurrent_streams = 256;
  // Sum of name + value + 32 over one header list, as in RFC 9113 section 10.5.1.
  std::size_t max_header_list_bytes = std::size_t{16} << 10;
  // Over the whole server; the worker that is full closes what it accepts.
  std::size_t max_connections = 10'000;
  // Request bytes held for one connection, over all its unfinished calls.
  std::size_t max_buffered_request_bytes = std::size_t{32} << 20;
  // Response bytes held for one connection; past it a new call is RESOURCE_EXHAUSTED.
  std::size_t max_queued_response_bytes = std::size_t{32} << 20;
  // The same two over all connections of one worker.
  std::size_t max_worker_request_bytes = std::size_t{256} << 20;
  std::size_t max_worker_response_bytes = std::size_t{256} << 20;
  // Response bytes held for one streaming call before its sender is asked to wait and its own
  // requests are left unread.
  std::size_t stream_high_water_bytes = std::size_t{256} << 10;

  // From accept to the client's first SETTINGS, TLS handshake included.
  std::int64_t handshake_timeout_ns = 5 * kSecond;
  // From the first to the last byte of one frame, or of a header block and its CONTINUATIONs.
  std::int64_t frame_timeout_ns = 10 * kSecond;
  // From HEADERS to half-close of a unary request; of a stream, from first to last byte of a
  // message.
  std::int64_t request_timeout_ns = 30 * kSecond;
  // Output waits for the socket this long without one byte leaving.
  std::int64_t write_timeout_ns = 20 * kSecond;
  // Responses wait for the client's flow-control window this long without one byte leaving.
  std::int64_t stall_timeout_ns = 60 * kSecond;
  // No call open and nothing received; the first holds until a gRPC call was answered. (A client
  // that by then has made protocol faults or asked for web pages gets handshake_timeout_ns only.)
  std::int64_t first_call_timeout_ns = 30 * kSecond;
  std::int64_t idle_timeout_ns = 600 * kSecond;
  // From the decision to close a connection until its socket is closed.
  std::int64_t close_timeout_ns = 2 * kSecond;
};

}  // namespace fenqi::server
