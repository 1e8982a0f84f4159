#include "server/connection.h"

#include <array>
#include <utility>

#include "server/stream.h"

namespace fenqi::server {
namespace {

constexpr std::int32_t kConnectionWindow = 16 << 20;
constexpr std::uint32_t kStreamWindow = 512 << 10;
// Input without one call in it, at most: twice what may be under way when calls are cancelled.
constexpr std::size_t kMaxBytesWithoutCall = std::size_t{2} * kConnectionWindow;
// From the first GOAWAY of a graceful end to the one that names the last stream: calls that were
// already on their way are still answered.
constexpr std::int64_t kDrainNotice = 100 * kMillisecond;

bool is_protocol_fault(std::uint32_t error_code) {
  switch (error_code) {
    case NGHTTP2_PROTOCOL_ERROR:
    case NGHTTP2_INTERNAL_ERROR:
    case NGHTTP2_FLOW_CONTROL_ERROR:
    case NGHTTP2_STREAM_CLOSED:
    case NGHTTP2_FRAME_SIZE_ERROR:
    case NGHTTP2_COMPRESSION_ERROR:
      return true;
    default:
      return false;
  }
}

}  // namespace

Connection::Connection(WorkerScope& scope, OutputListener& listener, std::string peer)
    : scope_(scope),
      listener_(listener),
      peer_(std::move(peer)),
      opened_ns_(scope.now.steady_ns),
      last_receive_ns_(scope.now.steady_ns) {
  nghttp2_session_server_new2(&session_, scope.callbacks, this, scope.options);
  const std::array<nghttp2_settings_entry, 3> settings{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, scope.limits.max_concurrent_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
       static_cast<std::uint32_t>(scope.limits.max_header_list_bytes)},
  }};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

Connection::~Connection() {
  in_io_ = true;  // nobody is to be told of output any more
  while (!streams_.empty()) close_stream(*streams_.back(), NGHTTP2_CANCEL);
  nghttp2_session_del(session_);
}

bool Connection::admit(const FrameHead& frame) {
  const std::int64_t now_ns = scope_.now.steady_ns;
  switch (frame.type) {
    case NGHTTP2_HEADERS:
      budget_.useful_frame();
      return true;
    case NGHTTP2_DATA:
      if (frame.length > 0) {
        budget_.useful_frame();
        return true;
      }
      return (frame.flags & NGHTTP2_FLAG_END_STREAM) != 0 || budget_.idle_frame(now_ns);
    case NGHTTP2_RST_STREAM:
      return budget_.reset(now_ns);
    default:
      return budget_.idle_frame(now_ns);
  }
}

void Connection::receive(std::span<const std::uint8_t> bytes) {
  if (stage_ == Stage::kClosing) return;
  last_receive_ns_ = scope_.now.steady_ns;
  bytes_since_call_ += bytes.size();
  const bool admitted = scanner_.scan(bytes, [this](const FrameHead& f) { return admit(f); });
  if (!admitted || bytes_since_call_ > kMaxBytesWithoutCall) {
    return close(NGHTTP2_ENHANCE_YOUR_CALM);
  }
  if (scanner_.at_rest()) {
    unrest_since_ns_ = kNever;
  } else if (unrest_since_ns_ == kNever) {
    unrest_since_ns_ = last_receive_ns_;
  }
  in_io_ = true;
  const ssize_t taken = nghttp2_session_mem_recv(session_, bytes.data(), bytes.size());
  in_io_ = false;
  if (taken >= 0) return;
  if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC) return close(NGHTTP2_PROTOCOL_ERROR);
  if (taken == NGHTTP2_ERR_NOMEM) return close(NGHTTP2_INTERNAL_ERROR);
  // The rest are limits: ours, or libnghttp2's on CONTINUATION, SETTINGS and waiting ACKs.
  close(NGHTTP2_ENHANCE_YOUR_CALM);
}

bool Connection::produce(std::vector<std::uint8_t>& out, std::size_t limit) {
  in_io_ = true;
  bool more = true;
  while (out.size() < limit) {
    const std::uint8_t* frame = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &frame);
    if (size > 0) {
      out.insert(out.end(), frame, frame + size);
      continue;
    }
    if (size < 0) stage_ = Stage::kClosing;
    if (out_of_budget_ && stage_ != Stage::kClosing) {
      close(NGHTTP2_ENHANCE_YOUR_CALM);
      continue;
    }
    if (drained_.empty()) {
      more = false;
      break;
    }
    run_drained();
  }
  in_io_ = false;
  return more;
}

bool Connection::done() const {
  return (stage_ == Stage::kClosing && nghttp2_session_want_write(session_) == 0) ||
         (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0);
}

void Connection::close(std::uint32_t error_code) {
  if (stage_ == Stage::kClosing) return;
  stage_ = Stage::kClosing;
  nghttp2_session_terminate_session(session_, error_code);
  note_output();
}

void Connection::begin_drain() {
  if (stage_ != Stage::kServing) return;
  stage_ = Stage::kDraining;
  drain_began_ns_ = scope_.now.steady_ns;
  for (std::size_t i = 0; i < streams_.size(); ++i) streams_[i]->on_drain();
  nghttp2_submit_shutdown_notice(session_);
  note_output();
}

void Connection::check_timeouts() {
  const std::int64_t now_ns = scope_.now.steady_ns;
  const Limits& limits = scope_.limits;
  if (stage_ == Stage::kDraining && now_ns - drain_began_ns_ >= kDrainNotice) {
    stage_ = Stage::kLastStreams;
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                          nullptr, 0);
    note_output();
  }
  if (!handshake_done_ && now_ns - opened_ns_ > limits.handshake_timeout_ns) {
    return close(NGHTTP2_SETTINGS_TIMEOUT);
  }
  if (unrest_since_ns_ != kNever && now_ns - unrest_since_ns_ > limits.frame_timeout_ns) {
    return close(NGHTTP2_ENHANCE_YOUR_CALM);
  }
  if (response_bytes_ > 0 && now_ns - last_data_ns_ > limits.stall_timeout_ns) {
    return close(NGHTTP2_ENHANCE_YOUR_CALM);
  }
  const std::int64_t idle_ns = served_    ? limits.idle_timeout_ns
                               : suspect_ ? limits.handshake_timeout_ns
                                          : limits.first_call_timeout_ns;
  if (streams_.empty() && now_ns - last_receive_ns_ > idle_ns) close(NGHTTP2_NO_ERROR);
}

bool Connection::note_request_bytes(std::ptrdiff_t change) {
  request_bytes_ += static_cast<std::size_t>(change);
  scope_.request_bytes += static_cast<std::size_t>(change);
  return request_bytes_ <= scope_.limits.max_buffered_request_bytes &&
         scope_.request_bytes <= scope_.limits.max_worker_request_bytes;
}

void Connection::note_response_bytes(std::ptrdiff_t change) {
  if (response_bytes_ == 0) last_data_ns_ = scope_.now.steady_ns;
  response_bytes_ += static_cast<std::size_t>(change);
  scope_.response_bytes += static_cast<std::size_t>(change);
}

bool Connection::overfull() const {
  return response_bytes_ > scope_.limits.max_queued_response_bytes ||
         scope_.response_bytes > scope_.limits.max_worker_response_bytes;
}

void Connection::note_output() {
  if (!in_io_) listener_.on_output();
}

void Connection::note_drained(Stream& stream) {
  drained_.push_back(stream.id());
}

void Connection::run_drained() {
  const std::vector<std::int32_t> ids = std::exchange(drained_, {});
  for (const std::int32_t id : ids) {
    if (void* stream = nghttp2_session_get_stream_user_data(session_, id)) {
      static_cast<Stream*>(stream)->on_drained();
    }
  }
}

void Connection::open_stream(std::int32_t id) {
  std::unique_ptr<Stream> stream = scope_.take_stream();
  stream->begin(*this, id);
  stream->place = streams_.size();
  nghttp2_session_set_stream_user_data(session_, id, stream.get());
  streams_.push_back(std::move(stream));
}

void Connection::close_stream(Stream& stream, std::uint32_t error_code) {
  if (stream.finished() && error_code == NGHTTP2_NO_ERROR) {
    budget_.answered_call();
    (stream.is_grpc() ? served_ : suspect_) = true;
  }
  stream.end();
  std::unique_ptr<Stream> owned = std::move(streams_[stream.place]);
  if (owned->place + 1 < streams_.size()) {
    streams_[owned->place] = std::move(streams_.back());
    streams_[owned->place]->place = owned->place;
  }
  streams_.pop_back();
  scope_.give_back(std::move(owned));
}

void Connection::on_frame_sent(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_DATA:
      budget_.useful_frame();
      last_data_ns_ = scope_.now.steady_ns;
      return;
    case NGHTTP2_HEADERS: {
      if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
      void* stream = nghttp2_session_get_stream_user_data(session_, frame.hd.stream_id);
      if (stream != nullptr && !static_cast<Stream*>(stream)->half_closed()) {
        // Answered early: the client need not send the rest (RFC 9113 section 8.1).
        nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, frame.hd.stream_id,
                                  NGHTTP2_NO_ERROR);
      }
      return;
    }
    case NGHTTP2_RST_STREAM: {
      const std::uint32_t code = frame.rst_stream.error_code;
      const std::int64_t now_ns = scope_.now.steady_ns;
      if (code == NGHTTP2_NO_ERROR) return;
      const bool fault = is_protocol_fault(code);
      suspect_ = suspect_ || fault;
      if (!(fault ? budget_.fault(now_ns) : budget_.reset(now_ns))) out_of_budget_ = true;
      return;
    }
    default:
      return;
  }
}

}  // namespace fenqi::server
