// One HTTP/2 stream and the gRPC call on it: checks the request, cuts it into messages, runs the
// service, and queues the answer until libnghttp2 asks for it.
//
// Owned by its Connection, from HEADERS until libnghttp2 closes the stream; then pooled. stream.cc
// has the request's side, stream_response.cc the answer's.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "server/message_reader.h"
#include "server/request_head.h"
#include "server/service.h"
#include "server/timer_queue.h"
#include "server/worker_scope.h"

namespace fenqi::server {

class Connection;

class Stream final : public Call, public Timer {
 public:
  // A new life for a pooled object.
  void begin(Connection& connection, std::int32_t id);
  // The stream is gone: cancels what runs, and forgets everything.
  void end();

  // What the client sent, in the order in which it came.
  void on_header(std::string_view name, std::string_view value);
  void on_head_complete();
  void on_data(std::span<const std::uint8_t> data);
  void on_half_close();

  // Fills libnghttp2's DATA frame.
  ssize_t read_output(std::span<std::uint8_t> frame, std::uint32_t& flags);
  // Some output has left and somebody waits for that.
  void on_drained();
  void on_drain();

  std::int32_t id() const { return id_; }
  std::size_t place = 0;  // in the list of its connection
  bool half_closed() const { return half_closed_; }
  bool finished() const { return finished_; }
  bool is_grpc() const { return !is_http_; }

  // Call
  std::string_view path() const override { return head_.path(); }
  const Metadata& metadata() const override { return head_.metadata(); }
  std::int64_t deadline_ns() const override { return deadline_ns_; }
  std::int64_t arrival_ns() const override { return arrival_ns_; }
  std::int64_t now_unix_ns() const override;
  std::string_view peer() const override;
  bool message_was_compressed() const override { return message_was_compressed_; }
  void send_initial_metadata(std::span<const MetadataEntry> metadata) override;
  bool send(std::span<const std::uint8_t> message) override;
  bool send_compressed(std::span<const std::uint8_t> message) override;
  void finish(const Status& status, std::span<const MetadataEntry> trailers) override;
  void set_timer(std::int64_t at_ns) override;

  // Timer
  void on_timer(std::int64_t now_ns) override;

 private:
  WorkerScope& scope() const;
  // The call cannot begin: why. Sets deadline, encoding and method.
  Status check_head();
  // Unary and server streaming: one message, known to be alone only at half-close.
  void check_single_request();
  void run_single_request();
  void deliver_messages();
  bool decode(const MessageReader::Message& message, std::span<const std::uint8_t>& bytes);
  // Ends the call for a reason of the front's own.
  void fail(const Status& status);
  void answer_http();
  void start_response(std::span<const MetadataEntry> metadata, bool with_body);
  bool queue(std::span<const std::uint8_t> message, bool compressed);
  void wake_output();
  void submit_trailers();
  void note_unread();
  void arm();
  std::size_t queued() const { return output_.size() - output_head_; }

  Connection* connection_ = nullptr;
  std::int32_t id_ = 0;
  RequestHead head_;
  const BoundMethod* method_ = nullptr;
  std::unique_ptr<StreamHandler> handler_;

  MessageReader reader_;
  std::size_t noted_unread_ = 0;    // what the connection counts for us
  std::size_t unacknowledged_ = 0;  // read while paused: window not yet given back
  std::size_t discarded_ = 0;
  Encoding encoding_ = Encoding::kIdentity;

  std::vector<std::uint8_t> output_;
  std::size_t output_head_ = 0;
  Metadata trailers_;

  std::int64_t arrival_ns_ = 0;
  std::int64_t deadline_ns_ = kNever;
  std::int64_t request_due_ns_ = kNever;
  std::int64_t service_timer_ns_ = kNever;

  bool is_http_ = false;  // not gRPC: gets a plain HTTP answer
  bool half_closed_ = false;
  bool half_close_delivered_ = false;
  bool paused_ = false;  // requests wait until the answers have drained
  bool message_was_compressed_ = false;
  bool response_started_ = false;
  bool response_gzip_ = false;
  bool output_deferred_ = false;  // libnghttp2 waits to be told of more output
  bool wants_writable_ = false;
  bool finished_ = false;
};

}  // namespace fenqi::server
