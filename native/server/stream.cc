#include "server/stream.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "server/base64.h"
#include "server/connection.h"
#include "server/grpc_status.h"
#include "server/grpc_timeout.h"

namespace fenqi::server {
namespace {

constexpr std::size_t kKeptBuffer = 16 << 10;

// A field whose text lives for ever.
nghttp2_nv constant_field(std::string_view name, std::string_view value) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
          value.size(), NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

// A field of one answer: libnghttp2 copies it, and leaves it out of the table of repeated fields.
nghttp2_nv passing_field(std::string_view name, std::string_view value) {
  nghttp2_nv field = constant_field(name, value);
  field.flags = NGHTTP2_NV_FLAG_NO_INDEX;
  return field;
}

const nghttp2_nv kStatus200 = constant_field(":status", "200");
const nghttp2_nv kContentGrpc = constant_field("content-type", "application/grpc");
const nghttp2_nv kAcceptEncoding = constant_field("grpc-accept-encoding", "identity,deflate,gzip");
const nghttp2_nv kEncodingGzip = constant_field("grpc-encoding", "gzip");
const nghttp2_nv kStatusOk = constant_field("grpc-status", "0");

bool is_binary(std::string_view name) {
  return name.ends_with("-bin");
}

// Fields that the protocol owns; a service cannot overwrite them.
bool is_reserved(std::string_view name) {
  return name.empty() || name.starts_with(':') || name == "grpc-status" || name == "grpc-message" ||
         name == "grpc-status-details-bin" || name == "content-type";
}

bool accepts_gzip(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    const std::size_t comma = accept_encoding.find(',');
    std::string_view item = accept_encoding.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (item == "gzip") return true;
    if (comma == std::string_view::npos) break;
    accept_encoding.remove_prefix(comma + 1);
  }
  return false;
}

ssize_t read_stream_output(nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t size,
                           std::uint32_t* flags, nghttp2_data_source* source, void*) {
  return static_cast<Stream*>(source->ptr)->read_output({buffer, size}, *flags);
}

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

void Stream::send_initial_metadata(std::span<const MetadataEntry> metadata) {
  if (finished_ || response_started_) return;
  start_response(metadata, true);
}

bool Stream::send(std::span<const std::uint8_t> message) {
  if (finished_) return false;
  if (!response_started_) start_response({}, true);
  return queue(message, false);
}

bool Stream::send_compressed(std::span<const std::uint8_t> message) {
  if (finished_) return false;
  if (!response_started_) {
    response_gzip_ = accepts_gzip(head_.accept_encoding());
    start_response({}, true);
  }
  if (!response_gzip_) return queue(message, false);
  return queue(gzip(message), true);
}

void Stream::start_response(std::span<const MetadataEntry> metadata, bool with_body) {
  response_started_ = true;
  std::vector<nghttp2_nv>& fields = scope().header_scratch;
  fields.assign({kStatus200, kContentGrpc, kAcceptEncoding});
  if (response_gzip_) fields.push_back(kEncodingGzip);
  std::vector<std::string> encoded;
  encoded.reserve(metadata.size());
  for (const MetadataEntry& entry : metadata) {
    if (is_reserved(entry.name)) continue;
    const bool binary = is_binary(entry.name);
    if (binary) encoded.push_back(base64_encode(entry.value));
    fields.push_back(passing_field(entry.name, binary ? encoded.back() : entry.value));
  }
  for (std::size_t i = 0; i < trailers_.size() && !with_body; ++i) {
    fields.push_back(passing_field(trailers_[i].name, trailers_[i].value));
  }
  nghttp2_data_provider provider;
  provider.source.ptr = this;
  provider.read_callback = read_stream_output;
  nghttp2_submit_response(connection_->session(), id_, fields.data(), fields.size(),
                          with_body ? &provider : nullptr);
  wake_output();
}

bool Stream::queue(std::span<const std::uint8_t> message, bool compressed) {
  const auto size = static_cast<std::uint32_t>(message.size());
  const std::uint8_t prefix[] = {
      static_cast<std::uint8_t>(compressed), static_cast<std::uint8_t>(size >> 24),
      static_cast<std::uint8_t>(size >> 16), static_cast<std::uint8_t>(size >> 8),
      static_cast<std::uint8_t>(size)};
  output_.insert(output_.end(), std::begin(prefix), std::end(prefix));
  output_.insert(output_.end(), message.begin(), message.end());
  connection_->note_response_bytes(static_cast<std::ptrdiff_t>(message.size() + sizeof prefix));
  wake_output();
  wants_writable_ = queued() > scope().limits.stream_high_water_bytes;
  return !wants_writable_;
}

void Stream::finish(const Status& status, std::span<const MetadataEntry> trailers) {
  if (finished_) return;
  finished_ = true;
  scope().timers.cancel(*this);
  if (!status.ok() || !response_started_) {
    char code[4];
    const auto end = std::to_chars(std::begin(code), std::end(code), static_cast<int>(status.code));
    trailers_.add("grpc-status", {code, static_cast<std::size_t>(end.ptr - code)});
  }
  if (!status.message.empty())
    trailers_.add("grpc-message", percent_encode(cut_message(status.message)));
  if (!status.violations.empty()) {
    trailers_.add("grpc-status-details-bin", base64_encode(status_details(status)));
  }
  for (const MetadataEntry& entry : trailers) {
    if (is_reserved(entry.name)) continue;
    if (is_binary(entry.name)) {
      trailers_.add(entry.name, base64_encode(entry.value));
    } else {
      trailers_.add(entry.name, entry.value);
    }
  }
  if (!response_started_) {
    start_response({}, false);
  } else {
    wake_output();
  }
}

void Stream::answer_http() {
  finished_ = response_started_ = true;
  scope().timers.cancel(*this);
  std::string_view status = "415";
  std::string_view text = "this method is called with content-type application/grpc\n";
  if (scope().find(head_.path()) == nullptr) {
    status = "404";
    text = "no such path; this server speaks gRPC\n";
  } else if (head_.method() != "POST") {
    status = "405";
    text = "gRPC methods are called with POST\n";
  }
  if (head_.too_large()) {
    status = "431";
    text = "request header fields are too large\n";
  }
  const std::string length = std::to_string(text.size());
  std::vector<nghttp2_nv>& fields = scope().header_scratch;
  fields.assign({constant_field(":status", status),
                 constant_field("content-type", "text/plain; charset=utf-8"),
                 passing_field("content-length", length)});
  if (status == "405") fields.push_back(constant_field("allow", "POST"));
  const bool with_body = head_.method() != "HEAD";
  if (with_body) {
    output_.assign(text.begin(), text.end());
    connection_->note_response_bytes(static_cast<std::ptrdiff_t>(text.size()));
  }
  nghttp2_data_provider provider;
  provider.source.ptr = this;
  provider.read_callback = read_stream_output;
  nghttp2_submit_response(connection_->session(), id_, fields.data(), fields.size(),
                          with_body ? &provider : nullptr);
  wake_output();
}

void Stream::wake_output() {
  if (output_deferred_) {
    output_deferred_ = false;
    nghttp2_session_resume_data(connection_->session(), id_);
  }
  connection_->note_output();
}

ssize_t Stream::read_output(std::span<std::uint8_t> frame, std::uint32_t& flags) {
  const std::size_t n = std::min(frame.size(), queued());
  std::copy_n(output_.begin() + static_cast<std::ptrdiff_t>(output_head_), n, frame.begin());
  output_head_ += n;
  connection_->note_response_bytes(-static_cast<std::ptrdiff_t>(n));
  const std::size_t left = queued();
  if (left == 0) {
    output_.clear();
    output_head_ = 0;
  } else if (output_head_ > kKeptBuffer && output_head_ > left) {
    output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(output_head_));
    output_head_ = 0;
  }
  if ((wants_writable_ || paused_) && left <= scope().limits.stream_high_water_bytes / 2) {
    connection_->note_drained(*this);
  }
  if (left == 0 && finished_) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!is_http_) {
      flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      submit_trailers();
    }
    return static_cast<ssize_t>(n);
  }
  if (n == 0) {
    output_deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(n);
}

void Stream::submit_trailers() {
  std::vector<nghttp2_nv>& fields = scope().header_scratch;
  fields.clear();
  if (trailers_.size() == 0 || trailers_[0].name != "grpc-status") fields.push_back(kStatusOk);
  for (std::size_t i = 0; i < trailers_.size(); ++i) {
    // trailers_ stays as it is until the stream is gone: no copy needed.
    nghttp2_nv field = passing_field(trailers_[i].name, trailers_[i].value);
    field.flags |= NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
    fields.push_back(field);
  }
  nghttp2_submit_trailer(connection_->session(), id_, fields.data(), fields.size());
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
