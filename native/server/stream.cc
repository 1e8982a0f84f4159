#include "server/stream.h"

#include <algorithm>
#include <optional>
#include <string>

#include "server/connection.h"
#include "server/grpc_timeout.h"

namespace fenqi::server {
namespace {

// Memory that an idle stream keeps for its next call.
constexpr std::size_t kKeptBuffer = 16 << 10;

}  // namespace

WorkerScope& Stream::scope() const {
  return connection_->scope();
}

std::int64_t Stream::now_unix_ns() const {
  return scope().now.unix_ns;
}

std::string_view Stream::peer() const {
  return connection_->peer();
}

void Stream::begin(Connection& connection, std::int32_t id) {
  connection_ = &connection;
  id_ = id;
  arrival_ns_ = scope().now.steady_ns;
}

void Stream::end() {
  scope().timers.cancel(*this);
  if (handler_ && !finished_) {
    finished_ = true;  // whatever on_cancel tries to send is dropped
    handler_->on_cancel(*this);
  }
  handler_.reset();
  connection_->note_response_bytes(-static_cast<std::ptrdiff_t>(queued()));
  if (unacknowledged_ > 0) {
    nghttp2_session_consume_connection(connection_->session(), unacknowledged_);
  }
  reader_.clear();
  note_unread();
  head_.clear();
  trailers_.clear();
  if (output_.capacity() > kKeptBuffer) output_ = {};
  output_.clear();
  output_head_ = 0;
  method_ = nullptr;
  unacknowledged_ = discarded_ = 0;
  encoding_ = Encoding::kIdentity;
  deadline_ns_ = request_due_ns_ = service_timer_ns_ = kNever;
  is_http_ = half_closed_ = half_close_delivered_ = paused_ = message_was_compressed_ = false;
  response_started_ = response_gzip_ = output_deferred_ = wants_writable_ = finished_ = false;
  connection_ = nullptr;
}

void Stream::on_header(std::string_view name, std::string_view value) {
  head_.add(name, value, scope().limits.max_header_list_bytes);
}

Status Stream::check_head() {
  if (head_.too_large()) {
    return error(StatusCode::kResourceExhausted,
                 "request metadata is larger than " +
                     std::to_string(scope().limits.max_header_list_bytes) + " bytes");
  }
  if (const std::string_view text = head_.timeout(); !text.empty()) {
    const std::optional<std::int64_t> timeout = parse_grpc_timeout(text);
    if (!timeout) {
      return error(StatusCode::kInternal, "malformed grpc-timeout \"" + std::string(text) +
                                              "\"; send up to eight digits and one of HMSmun");
    }
    deadline_ns_ = *timeout > kNever - arrival_ns_ ? kNever : arrival_ns_ + *timeout;
  }
  if (const std::string_view name = head_.encoding(); name == "gzip") {
    encoding_ = Encoding::kGzip;
  } else if (name == "deflate") {
    encoding_ = Encoding::kDeflate;
  } else if (!name.empty() && name != "identity") {
    return error(StatusCode::kUnimplemented, "unknown grpc-encoding \"" + std::string(name) +
                                                 "\"; use identity, deflate or gzip");
  }
  method_ = scope().find(head_.path());
  if (method_ == nullptr) {
    return error(StatusCode::kUnimplemented,
                 "method " + std::string(head_.path()) + " is not served here");
  }
  if (deadline_ns_ <= arrival_ns_) {
    return error(StatusCode::kDeadlineExceeded, "deadline was already past on arrival");
  }
  if (connection_->overfull()) {
    return error(StatusCode::kResourceExhausted,
                 "too many unread answers wait on this connection; read them first");
  }
  return {};
}

void Stream::on_head_complete() {
  request_due_ns_ = arrival_ns_ + scope().limits.request_timeout_ns;
  if (!head_.is_grpc() || head_.method() != "POST") {
    is_http_ = true;
    arm();
    return;
  }
  if (const Status status = check_head(); !status.ok()) return fail(status);
  if (method_->kind == MethodKind::kStreaming) {
    request_due_ns_ = kNever;
    handler_ = method_->instance->open(*this, method_->id);
  }
  arm();
}

void Stream::on_data(std::span<const std::uint8_t> data) {
  nghttp2_session* session = connection_->session();
  if (is_http_ && !finished_) {
    discarded_ += data.size();
    if (discarded_ <= scope().limits.max_message_bytes) {
      nghttp2_session_consume(session, id_, data.size());
    } else {
      nghttp2_session_consume_connection(session, data.size());
    }
    return;
  }
  if (finished_) {
    // The answer does not depend on it: the stream's window stays shut, the connection's does not.
    nghttp2_session_consume_connection(session, data.size());
    return;
  }
  reader_.append(data);
  if (paused_) {
    unacknowledged_ += data.size();
  } else {
    nghttp2_session_consume(session, id_, data.size());
  }
  const auto size = static_cast<std::ptrdiff_t>(reader_.unread() - noted_unread_);
  noted_unread_ = reader_.unread();
  if (!connection_->note_request_bytes(size)) {
    return fail(error(StatusCode::kResourceExhausted,
                      "too many bytes of unfinished requests wait on this connection"));
  }
  if (method_->kind == MethodKind::kStreaming) {
    deliver_messages();
  } else {
    check_single_request();
  }
}

void Stream::on_half_close() {
  half_closed_ = true;
  if (finished_) return;
  if (is_http_) return answer_http();
  if (method_->kind == MethodKind::kStreaming) {
    deliver_messages();
  } else {
    run_single_request();
  }
}

void Stream::check_single_request() {
  MessageReader::Message message;
  Status status;
  switch (reader_.peek(scope().limits.max_message_bytes, message, status)) {
    case MessageReader::Found::kNothing:
      return;
    case MessageReader::Found::kError:
      return fail(status);
    case MessageReader::Found::kMessage:
      constexpr std::size_t kPrefix = 5;
      if (reader_.unread() > message.bytes.size() + kPrefix) {
        fail(error(StatusCode::kInternal,
                   "more than one request message for a method that takes exactly one"));
      }
  }
}

void Stream::run_single_request() {
  MessageReader::Message message;
  Status status;
  if (reader_.peek(scope().limits.max_message_bytes, message, status) !=
      MessageReader::Found::kMessage) {
    return fail(
        error(StatusCode::kInternal, reader_.unread() == 0
                                         ? "no request message for a method that takes exactly one"
                                         : "request ended in the middle of a message"));
  }
  std::span<const std::uint8_t> bytes;
  if (!decode(message, bytes)) return;
  if (deadline_ns_ <= scope().now.steady_ns) {
    return fail(error(StatusCode::kDeadlineExceeded, "deadline passed before the call began"));
  }
  if (method_->kind == MethodKind::kUnary) {
    method_->instance->unary(*this, method_->id, bytes);
    if (!finished_) fail(error(StatusCode::kInternal, "the method left the call unanswered"));
  } else {
    request_due_ns_ = kNever;
    arm();
    handler_ = method_->instance->open(*this, method_->id);
    if (!finished_) handler_->on_message(*this, bytes);
    if (!finished_) handler_->on_half_close(*this);
  }
  reader_.clear();
  note_unread();
}

void Stream::deliver_messages() {
  while (!finished_ && !paused_) {
    MessageReader::Message message;
    Status status;
    const auto found = reader_.peek(scope().limits.max_message_bytes, message, status);
    if (found == MessageReader::Found::kError) return fail(status);
    if (found == MessageReader::Found::kNothing) break;
    std::span<const std::uint8_t> bytes;
    if (!decode(message, bytes)) return;
    handler_->on_message(*this, bytes);
    reader_.pop();
    note_unread();
    paused_ = queued() > scope().limits.stream_high_water_bytes;
  }
  if (finished_ || paused_) return;
  if (half_closed_ && !half_close_delivered_) {
    half_close_delivered_ = true;
    if (reader_.unread() > 0) {
      return fail(error(StatusCode::kInternal, "request ended in the middle of a message"));
    }
    handler_->on_half_close(*this);
    return;
  }
  const bool partial = reader_.unread() > 0;
  if (partial != (request_due_ns_ != kNever)) {
    request_due_ns_ = partial ? scope().now.steady_ns + scope().limits.request_timeout_ns : kNever;
    arm();
  }
}

bool Stream::decode(const MessageReader::Message& message, std::span<const std::uint8_t>& bytes) {
  message_was_compressed_ = message.compressed;
  bytes = message.bytes;
  if (!message.compressed) return true;
  if (encoding_ == Encoding::kIdentity) {
    fail(error(StatusCode::kInternal, "compressed request message without a grpc-encoding"));
    return false;
  }
  const Status status =
      scope().inflater.inflate(encoding_, message.bytes, scope().limits.max_message_bytes, bytes);
  if (!status.ok()) fail(status);
  return status.ok();
}

void Stream::fail(const Status& status) {
  if (finished_) return;
  if (handler_) {
    // Cancelled first: the handler must not answer in its own way.
    std::unique_ptr<StreamHandler> handler = std::move(handler_);
    finished_ = true;
    handler->on_cancel(*this);
    handler.reset();
    finished_ = false;
  }
  finish(status, {});
  reader_.clear();
  note_unread();
}

void Stream::note_unread() {
  connection_->note_request_bytes(static_cast<std::ptrdiff_t>(reader_.unread()) -
                                  static_cast<std::ptrdiff_t>(noted_unread_));
  noted_unread_ = reader_.unread();
}

void Stream::arm() {
  if (finished_) return;
  scope().timers.set(*this, std::min({deadline_ns_, request_due_ns_, service_timer_ns_}));
}

void Stream::set_timer(std::int64_t at_ns) {
  service_timer_ns_ = at_ns;
  arm();
}

void Stream::on_timer(std::int64_t now_ns) {
  if (finished_) return;
  if (is_http_ && request_due_ns_ <= now_ns) {
    nghttp2_submit_rst_stream(connection_->session(), NGHTTP2_FLAG_NONE, id_, NGHTTP2_CANCEL);
    connection_->note_output();
    return;
  }
  if (deadline_ns_ <= now_ns || request_due_ns_ <= now_ns) {
    // Trailers cannot overtake queued messages, which may wait for the client's window.
    if (queued() > 0) {
      nghttp2_submit_rst_stream(connection_->session(), NGHTTP2_FLAG_NONE, id_, NGHTTP2_CANCEL);
      connection_->note_output();
      return;
    }
    return fail(deadline_ns_ <= now_ns
                    ? error(StatusCode::kDeadlineExceeded, "deadline exceeded")
                    : error(StatusCode::kDeadlineExceeded,
                            "request was not complete within the time that the server waits"));
  }
  if (service_timer_ns_ <= now_ns) {
    service_timer_ns_ = kNever;
    if (handler_) handler_->on_timer(*this);
  }
  arm();
}

void Stream::on_drain() {
  if (handler_ && !finished_) handler_->on_drain(*this);
}

void Stream::on_drained() {
  if (wants_writable_ && !finished_) {
    wants_writable_ = false;
    if (handler_) handler_->on_writable(*this);
  }
  if (paused_ && queued() <= scope().limits.stream_high_water_bytes / 2) {
    paused_ = false;
    nghttp2_session_consume(connection_->session(), id_, unacknowledged_);
    unacknowledged_ = 0;
    if (!finished_) deliver_messages();
  }
}

}  // namespace fenqi::server
