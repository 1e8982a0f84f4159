// A Connection without sockets, against libnghttp2's own client and a clock that the test moves.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "server/connection.h"

#include <doctest/doctest.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/counted_heap.h"
#include "server/worker_scope.h"

namespace {

using namespace fenqi;
using namespace fenqi::server;

constexpr std::array<Method, 2> kMethods{
    {{"/test.Test/Echo", MethodKind::kUnary, 0}, {"/test.Test/Hold", MethodKind::kStreaming, 1}}};

struct Counts {
  int opened = 0;
  int cancelled = 0;
  int destroyed = 0;
  int drained = 0;
};

// Answers nothing by itself.
class Hold final : public StreamHandler {
 public:
  explicit Hold(Counts& counts) : counts_(counts) { ++counts_.opened; }
  ~Hold() override { ++counts_.destroyed; }
  void on_message(Call&, std::span<const std::uint8_t>) override {}
  void on_half_close(Call&) override {}
  void on_cancel(Call&) override { ++counts_.cancelled; }
  void on_drain(Call&) override { ++counts_.drained; }

 private:
  Counts& counts_;
};

class TestInstance final : public ServiceInstance {
 public:
  explicit TestInstance(Counts& counts) : counts_(counts) {}
  void unary(Call& call, std::uint32_t, std::span<const std::uint8_t> request) override {
    constexpr MetadataEntry kTimings{"test-timings", "read=1.2,program=3.4"};
    call.send(request);
    call.finish({}, {&kTimings, 1});
  }
  std::unique_ptr<StreamHandler> open(Call&, std::uint32_t) override {
    return std::make_unique<Hold>(counts_);
  }

 private:
  Counts& counts_;
};

class TestService final : public Service {
 public:
  std::string_view name() const override { return "test.Test"; }
  std::span<const Method> methods() const override { return kMethods; }
  std::unique_ptr<ServiceInstance> make_instance(Waker) override {
    return std::make_unique<TestInstance>(counts);
  }
  Counts counts;
};

struct Answer {
  std::map<std::string, std::string> fields;
  std::string body;
  std::optional<std::uint32_t> closed;
};

// Both ends of one connection, and the bytes between them.
class Wire final : public OutputListener {
 public:
  Wire() : scope_(Limits{}), instance_(service_.make_instance([] {})) {
    scope_.now = {kSecond, kSecond};
    scope_.bind(service_, *instance_);
    connection_ = std::make_unique<Connection>(scope_, *this, "test");
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_client_new(&client_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
  }
  ~Wire() {
    connection_.reset();
    nghttp2_session_del(client_);
  }

  void on_output() override {}

  void say_hello() {
    nghttp2_submit_settings(client_, NGHTTP2_FLAG_NONE, nullptr, 0);
    exchange();
  }

  // Starts a call with one message; `end` half-closes.
  std::int32_t call(const char* path, std::string_view message, bool end,
                    const char* timeout = nullptr) {
    std::vector<nghttp2_nv> fields{field(":method", "POST"), field(":scheme", "http"),
                                   field(":path", path), field(":authority", "test"),
                                   field("content-type", "application/grpc")};
    if (timeout != nullptr) fields.push_back(field("grpc-timeout", timeout));
    body_.assign(1, '\0');
    for (int shift = 24; shift >= 0; shift -= 8) {
      body_.push_back(static_cast<char>(message.size() >> shift));
    }
    body_ += message;
    body_end_ = end;
    nghttp2_data_provider provider;
    provider.source.ptr = this;
    provider.read_callback = read_body;
    return nghttp2_submit_request(client_, nullptr, fields.data(), fields.size(), &provider,
                                  nullptr);
  }

  // Bytes both ways until neither end has more.
  void exchange() {
    for (bool moved = true; moved;) {
      moved = false;
      const std::uint8_t* bytes = nullptr;
      ssize_t size = 0;
      while ((size = nghttp2_session_mem_send(client_, &bytes)) > 0) {
        connection_->receive({bytes, static_cast<std::size_t>(size)});
        moved = true;
      }
      output_.clear();
      connection_->produce(output_, 1 << 20);
      if (!output_.empty()) {
        nghttp2_session_mem_recv(client_, output_.data(), output_.size());
        moved = true;
      }
    }
  }

  void raw(std::string_view bytes) {
    connection_->receive({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    exchange();
  }

  // Time passes, and neither end says anything.
  void wait(std::int64_t ns) {
    scope_.now.steady_ns += ns;
    scope_.timers.run(scope_.now.steady_ns);
    connection_->check_timeouts();
  }
  void pass(std::int64_t ns) {
    wait(ns);
    exchange();
  }

  Connection& connection() { return *connection_; }
  void lose_connection() { connection_.reset(); }
  const Counts& counts() const { return service_.counts; }
  const WorkerScope& scope() const { return scope_; }
  const Answer& answer(std::int32_t id) { return answers_[id]; }
  const std::vector<std::int32_t>& goaways() const { return goaways_; }
  std::uint32_t goaway_code() const { return goaway_code_; }
  void forget_answers() { keep_answers_ = false; }

 private:
  static nghttp2_nv field(std::string_view name, std::string_view value) {
    return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
            reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
            value.size(), NGHTTP2_NV_FLAG_NONE};
  }
  static Wire& self(void* user) { return *static_cast<Wire*>(user); }
  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t size,
                           std::uint32_t* flags, nghttp2_data_source* source, void*) {
    Wire& wire = self(source->ptr);
    const std::size_t n = std::min(size, wire.body_.size());
    if (n == 0 && !wire.body_end_) return NGHTTP2_ERR_DEFERRED;
    std::copy_n(wire.body_.begin(), n, buffer);
    wire.body_.erase(0, n);
    if (wire.body_end_ && wire.body_.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(n);
  }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* user) {
    if (!self(user).keep_answers_) return 0;
    self(user)
        .answers_[frame->hd.stream_id]
        .fields[std::string(reinterpret_cast<const char*>(name), name_size)] =
        std::string(reinterpret_cast<const char*>(value), value_size);
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                     std::size_t size, void* user) {
    if (self(user).keep_answers_) {
      self(user).answers_[id].body.append(reinterpret_cast<const char*>(data), size);
    }
    return 0;
  }
  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
    if (self(user).keep_answers_) self(user).answers_[id].closed = code;
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      self(user).goaways_.push_back(frame->goaway.last_stream_id);
      self(user).goaway_code_ = frame->goaway.error_code;
    }
    return 0;
  }

  TestService service_;
  WorkerScope scope_;
  std::unique_ptr<ServiceInstance> instance_;
  std::unique_ptr<Connection> connection_;
  nghttp2_session* client_ = nullptr;
  std::vector<std::uint8_t> output_;
  std::string body_;
  bool body_end_ = true;
  bool keep_answers_ = true;
  std::map<std::int32_t, Answer> answers_;
  std::vector<std::int32_t> goaways_;
  std::uint32_t goaway_code_ = 0;
};

}  // namespace

TEST_CASE("a unary call is answered with its message, trailers and status") {
  Wire wire;
  wire.say_hello();
  const std::int32_t id = wire.call("/test.Test/Echo", "hello", true);
  wire.exchange();
  const Answer& answer = wire.answer(id);
  CHECK(answer.fields.at(":status") == "200");
  CHECK(answer.fields.at("grpc-status") == "0");
  CHECK(answer.fields.at("test-timings") == "read=1.2,program=3.4");
  CHECK(answer.body == std::string("\0\0\0\0\5hello", 10));
  CHECK(answer.closed == NGHTTP2_NO_ERROR);
}

TEST_CASE("in the steady state a unary call allocates nothing in our code") {
  Wire wire;
  wire.say_hello();
  wire.forget_answers();
  const std::string message(500, 'x');
  std::size_t before = 0;
  std::size_t inside = 0;
  for (int i = 0; i < 200; ++i) {
    wire.call("/test.Test/Echo", message, true, "5S");
    // The client's own vectors are outside the count.
    if (i == 100) {
      CHECK(inside > 0);  // the first calls fill the pools
      inside = 0;
    }
    before = allocations;
    wire.exchange();
    inside += allocations - before;
  }
  CHECK(inside == 0);
}

TEST_CASE("a held call is cancelled once, at its deadline, and says so") {
  Wire wire;
  wire.say_hello();
  const std::int32_t id = wire.call("/test.Test/Hold", "", false, "300m");
  wire.exchange();
  CHECK(wire.counts().opened == 1);
  wire.pass(299 * kMillisecond);
  CHECK(wire.counts().cancelled == 0);
  wire.pass(1 * kMillisecond);
  CHECK(wire.counts().cancelled == 1);
  CHECK(wire.counts().destroyed == 1);
  CHECK(wire.answer(id).fields.at("grpc-status") == "4");
  wire.pass(kSecond);
  CHECK(wire.counts().cancelled == 1);
}

TEST_CASE("losing the connection cancels every open call once and leaves no timer") {
  Wire wire;
  wire.say_hello();
  for (int i = 0; i < 20; ++i) {
    wire.call("/test.Test/Hold", "abc", i % 2 == 0, "5S");
    wire.exchange();
  }
  wire.lose_connection();
  CHECK(wire.counts().opened == 20);
  CHECK(wire.counts().cancelled == 20);
  CHECK(wire.counts().destroyed == 20);
  CHECK(wire.scope().timers.next_due_ns() == kNever);
  CHECK(wire.scope().request_bytes == 0);
  CHECK(wire.scope().response_bytes == 0);
}

TEST_CASE("a drain gives notice, then names the last stream, and ends with the last call") {
  Wire wire;
  wire.say_hello();
  const std::int32_t id = wire.call("/test.Test/Hold", "", false, "5S");
  wire.exchange();
  wire.connection().begin_drain();
  wire.exchange();
  CHECK(wire.counts().drained == 1);
  CHECK(wire.goaways() == std::vector<std::int32_t>{0x7fffffff});
  wire.pass(150 * kMillisecond);
  CHECK(wire.goaways() == std::vector<std::int32_t>{0x7fffffff, id});
  CHECK(wire.goaway_code() == NGHTTP2_NO_ERROR);
  CHECK_FALSE(wire.connection().done());
  wire.pass(5 * kSecond);  // its deadline
  CHECK(wire.connection().done());
}

TEST_CASE("a client that never greets is closed, and one that greets has longer") {
  const Limits limits;
  Wire silent;
  silent.wait(limits.handshake_timeout_ns);
  CHECK_FALSE(silent.connection().closing());
  silent.wait(1);
  CHECK(silent.connection().closing());

  Wire polite;
  polite.say_hello();
  polite.pass(limits.first_call_timeout_ns);
  CHECK_FALSE(polite.connection().done());
  polite.pass(1);
  CHECK(polite.connection().done());
}

TEST_CASE("after an answered call a connection may idle for long, but not for ever") {
  const Limits limits;
  Wire wire;
  wire.say_hello();
  wire.call("/test.Test/Echo", "x", true);
  wire.exchange();
  wire.pass(limits.idle_timeout_ns);
  CHECK_FALSE(wire.connection().done());
  wire.pass(1);
  CHECK(wire.connection().done());
  CHECK(wire.goaway_code() == NGHTTP2_NO_ERROR);
}

TEST_CASE("half a frame is waited for only so long, however its bytes drip") {
  const Limits limits;
  Wire wire;
  wire.say_hello();
  wire.raw(std::string_view("\0\0\x08\x06", 4));
  const std::int64_t step = limits.frame_timeout_ns / 4;
  for (int i = 0; i < 4; ++i) {
    wire.pass(step);
    wire.raw(std::string_view("\0", 1));
  }
  CHECK_FALSE(wire.connection().done());
  wire.pass(1);
  CHECK(wire.connection().done());
  CHECK(wire.goaway_code() == NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_CASE("a call that the client leaves unfinished ends when the wait for it is over") {
  const Limits limits;
  Wire wire;
  wire.say_hello();
  const std::int32_t id = wire.call("/test.Test/Echo", "x", false);
  wire.exchange();
  wire.pass(limits.request_timeout_ns);
  CHECK(wire.answer(id).fields.at("grpc-status") == "4");
}
