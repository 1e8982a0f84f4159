// One HTTP/2 connection of the load generator, and the calls that are open on it.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace fenqi::load {

using Bytes = std::vector<std::uint8_t>;

// How a call ended.
enum class Ending : std::uint8_t { kStatus, kReset, kConnectionLost };

// One call in flight. Kept and used again.
struct Call {
  std::int64_t due_ns = 0;
  bool measured = false;
  bool open = false;
  int grpc_status = -1;  // -1 until trailers bring one
  std::int32_t stream = 0;
  const Bytes* message = nullptr;
  std::size_t sent = 0;  // of the five-byte prefix and the message
  Bytes received;        // the answer with its prefix, where answers are kept

  // Whether the answer is one uncompressed message, this one.
  bool answers(const Bytes& expected) const;
};

// Told of the end of each call. Called while the connection reads.
class CallSink {
 public:
  virtual void call_ended(const Call& call, Ending ending) = 0;

 protected:
  ~CallSink() = default;
};

class Connection {
 public:
  // Connects, blocking. `path` and `sink` must outlive the connection. `keep_answers`: whether
  // Call::received is filled.
  static Result<std::unique_ptr<Connection>> connect(const std::string& target,
                                                     const std::string& path, int streams,
                                                     bool keep_answers, CallSink& sink);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  int fd() const { return fd_; }
  bool alive() const { return alive_; }
  // Whether another call may be opened.
  bool has_room() const { return alive_ && !spare_.empty(); }
  int open_calls() const { return static_cast<int>(calls_.size() - spare_.size()); }

  // Opens a call; needs has_room(). Nothing leaves before flush().
  void open(const Bytes& message, std::int64_t due_ns, bool measured);
  // Writes what the socket takes. True where all of it went out.
  bool flush();
  // Reads what is there.
  void receive();
  // Resets calls that were due before `ns`; gives their number of measured ones.
  std::uint64_t cancel_due_before(std::int64_t ns);

 private:
  Connection(int fd, std::string authority, const std::string& path, int streams, CallSink& sink);
  void start(bool keep_answers);
  void lose();
  void finish(Call& call, Ending ending);

  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t room,
                           std::uint32_t* flags, nghttp2_data_source* source, void*);
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void*);
  static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t stream,
                     const std::uint8_t* data, std::size_t size, void*);
  static int on_stream_close(nghttp2_session*, std::int32_t stream, std::uint32_t error,
                             void* connection);

  int fd_;
  std::string authority_;
  CallSink& sink_;
  nghttp2_session* session_ = nullptr;
  bool alive_ = true;
  std::vector<nghttp2_nv> headers_;
  std::vector<std::unique_ptr<Call>> calls_;
  std::vector<Call*> spare_;
  Bytes out_;
  std::size_t written_ = 0;  // of out_
};

}  // namespace fenqi::load
