#include "load/connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

namespace fenqi::load {
namespace {

constexpr std::size_t kPrefixBytes = 5;  // gRPC: a flag and the message's length
constexpr std::uint32_t kWindowBytes = 16u << 20;

Status unavailable(const std::string& target) {
  return error(StatusCode::kUnavailable,
               "cannot connect to " + target + ": " + std::strerror(errno));
}

// A connected socket for "unix:PATH" or "host:port".
Result<int> open_socket(const std::string& target) {
  sockaddr_storage address{};
  socklen_t size = 0;
  if (target.starts_with("unix:")) {
    auto& local = reinterpret_cast<sockaddr_un&>(address);
    local.sun_family = AF_UNIX;
    const std::string path = target.substr(5);
    if (path.size() >= sizeof local.sun_path) {
      return error(StatusCode::kInvalidArgument, "the path of " + target + " is too long");
    }
    std::memcpy(local.sun_path, path.c_str(), path.size() + 1);
    size = sizeof local;
  } else {
    auto& internet = reinterpret_cast<sockaddr_in&>(address);
    const std::size_t colon = target.rfind(':');
    const std::string host = target.substr(0, colon);
    int port = 0;
    if (colon != std::string::npos) {
      std::from_chars(target.data() + colon + 1, target.data() + target.size(), port);
    }
    if (port <= 0 || port > 65535 || inet_pton(AF_INET, host.c_str(), &internet.sin_addr) != 1) {
      return error(StatusCode::kInvalidArgument,
                   "target " + target + " is no numeric host:port and no unix:PATH");
    }
    internet.sin_family = AF_INET;
    internet.sin_port = htons(static_cast<std::uint16_t>(port));
    size = sizeof internet;
  }
  const int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return unavailable(target);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    Status status = unavailable(target);
    close(fd);
    return status;
  }
  const int on = 1;
  if (address.ss_family == AF_INET) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
}

nghttp2_nv header(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

}  // namespace

bool Call::answers(const Bytes& expected) const {
  return received.size() == kPrefixBytes + expected.size() && received[0] == 0 &&
         std::equal(expected.begin(), expected.end(), received.begin() + kPrefixBytes);
}

Result<std::unique_ptr<Connection>> Connection::connect(const std::string& target,
                                                        const std::string& path, int streams,
                                                        bool keep_answers, CallSink& sink) {
  auto fd = open_socket(target);
  if (!fd.ok()) return fd.status();
  const std::string authority = target.starts_with("unix:") ? "localhost" : target;
  std::unique_ptr<Connection> connection(
      new Connection(fd.value(), authority, path, streams, sink));
  connection->start(keep_answers);
  return connection;
}

Connection::Connection(int fd, std::string authority, const std::string& path, int streams,
                       CallSink& sink)
    : fd_(fd), authority_(std::move(authority)), sink_(sink) {
  headers_ = {header(":method", "POST"),
              header(":scheme", "http"),
              header(":path", path),
              header(":authority", authority_),
              header("content-type", "application/grpc"),
              header("te", "trailers")};
  for (int i = 0; i < streams; ++i) {
    calls_.push_back(std::make_unique<Call>());
    spare_.push_back(calls_.back().get());
  }
}

Connection::~Connection() {
  nghttp2_session_del(session_);
  close(fd_);
}

void Connection::start(bool keep_answers) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  if (keep_answers) nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
  nghttp2_session_client_new(&session_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindowBytes},
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<std::int32_t>(kWindowBytes));
}

void Connection::open(const Bytes& message, std::int64_t due_ns, bool measured) {
  Call* call = spare_.back();
  spare_.pop_back();
  Bytes received = std::move(call->received);  // its memory is used again
  received.clear();
  *call = {.due_ns = due_ns,
           .measured = measured,
           .open = true,
           .message = &message,
           .received = std::move(received)};
  nghttp2_data_provider body{};
  body.source.ptr = call;
  body.read_callback = read_body;
  call->stream =
      nghttp2_submit_request(session_, nullptr, headers_.data(), headers_.size(), &body, call);
  if (call->stream < 0) finish(*call, Ending::kReset);
}

ssize_t Connection::read_body(nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t room,
                              std::uint32_t* flags, nghttp2_data_source* source, void*) {
  auto& call = *static_cast<Call*>(source->ptr);
  const std::size_t size = call.message->size();
  std::size_t done = 0;
  while (call.sent < kPrefixBytes && done < room) {
    const int shift = 8 * (4 - static_cast<int>(call.sent));
    to[done++] = call.sent == 0 ? 0 : static_cast<std::uint8_t>(size >> shift);
    ++call.sent;
  }
  if (call.sent >= kPrefixBytes) {
    const std::size_t offset = call.sent - kPrefixBytes;
    const std::size_t part = std::min(size - offset, room - done);
    std::copy_n(call.message->begin() + static_cast<std::ptrdiff_t>(offset), part, to + done);
    call.sent += part;
    done += part;
    if (call.sent == kPrefixBytes + size) *flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  return static_cast<ssize_t>(done);
}

int Connection::on_header(nghttp2_session* session, const nghttp2_frame* frame,
                          const std::uint8_t* name, std::size_t name_size,
                          const std::uint8_t* value, std::size_t value_size, std::uint8_t, void*) {
  const std::string_view key(reinterpret_cast<const char*>(name), name_size);
  if (key != "grpc-status") return 0;
  auto* call =
      static_cast<Call*>(nghttp2_session_get_stream_user_data(session, frame->hd.stream_id));
  if (call == nullptr) return 0;
  const char* text = reinterpret_cast<const char*>(value);
  std::from_chars(text, text + value_size, call->grpc_status);
  return 0;
}

int Connection::on_data(nghttp2_session* session, std::uint8_t, std::int32_t stream,
                        const std::uint8_t* data, std::size_t size, void*) {
  auto* call = static_cast<Call*>(nghttp2_session_get_stream_user_data(session, stream));
  if (call != nullptr) call->received.insert(call->received.end(), data, data + size);
  return 0;
}

int Connection::on_stream_close(nghttp2_session* session, std::int32_t stream, std::uint32_t error,
                                void* connection) {
  auto* call = static_cast<Call*>(nghttp2_session_get_stream_user_data(session, stream));
  if (call == nullptr || !call->open) return 0;
  const bool whole = error == NGHTTP2_NO_ERROR && call->grpc_status >= 0;
  static_cast<Connection*>(connection)->finish(*call, whole ? Ending::kStatus : Ending::kReset);
  return 0;
}

void Connection::finish(Call& call, Ending ending) {
  call.open = false;
  spare_.push_back(&call);
  sink_.call_ended(call, ending);
}

bool Connection::flush() {
  while (alive_) {
    if (written_ == out_.size()) {
      out_.clear();
      written_ = 0;
      const std::uint8_t* data = nullptr;
      while (out_.size() < 256 * 1024) {
        const ssize_t size = nghttp2_session_mem_send(session_, &data);
        if (size < 0) {
          lose();
          return true;
        }
        if (size == 0) break;
        out_.insert(out_.end(), data, data + size);
      }
      if (out_.empty()) return true;
    }
    const ssize_t size = send(fd_, out_.data() + written_, out_.size() - written_, MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
      lose();
      return true;
    }
    written_ += static_cast<std::size_t>(size);
  }
  return true;
}

void Connection::receive() {
  std::uint8_t buffer[64 * 1024];
  while (alive_) {
    const ssize_t size = recv(fd_, buffer, sizeof buffer, 0);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (size <= 0 ||
        nghttp2_session_mem_recv(session_, buffer, static_cast<std::size_t>(size)) < 0) {
      lose();
      return;
    }
    if (static_cast<std::size_t>(size) < sizeof buffer) return;
  }
}

std::uint64_t Connection::cancel_due_before(std::int64_t ns) {
  std::uint64_t cancelled = 0;
  for (const auto& call : calls_) {
    if (!call->open || call->due_ns >= ns) continue;
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, call->stream, NGHTTP2_CANCEL);
    nghttp2_session_set_stream_user_data(session_, call->stream, nullptr);
    call->open = false;
    spare_.push_back(call.get());
    cancelled += call->measured ? 1 : 0;
  }
  return cancelled;
}

void Connection::lose() {
  alive_ = false;
  for (const auto& call : calls_) {
    if (call->open) finish(*call, Ending::kConnectionLost);
  }
}

}  // namespace fenqi::load
