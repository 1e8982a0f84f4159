// The answering side of Stream: header lists, queued messages, trailers, and plain HTTP answers.
#include <algorithm>
#include <charconv>
#include <string>

#include "server/base64.h"
#include "server/connection.h"
#include "server/grpc_status.h"
#include "server/stream.h"

namespace fenqi::server {
namespace {

// Sent bytes that may lie before the unsent ones.
constexpr std::size_t kSentBytes = 16 << 10;

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
  } else if (output_head_ > kSentBytes && output_head_ > left) {
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

}  // namespace fenqi::server
