#include "server/http2_callbacks.h"

#include <cstdint>
#include <span>
#include <string_view>

#include "server/connection.h"
#include "server/stream.h"

namespace fenqi::server {

struct Http2Callbacks {
  static Connection& connection(void* user) { return *static_cast<Connection*>(user); }

  static Stream* stream(nghttp2_session* session, std::int32_t id) {
    return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Connection& c = connection(user);
    c.header_list_bytes_ = 0;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) c.open_stream(frame->hd.stream_id);
    return 0;
  }

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                       nghttp2_rcbuf* value, std::uint8_t, void* user) {
    // A header block may unfold to a thousand times its size; past this the connection goes.
    constexpr std::size_t kHardLimitFactor = 16;
    Connection& c = connection(user);
    const nghttp2_vec n = nghttp2_rcbuf_get_buf(name);
    const nghttp2_vec v = nghttp2_rcbuf_get_buf(value);
    c.header_list_bytes_ += n.len + v.len;
    if (c.header_list_bytes_ > kHardLimitFactor * c.scope_.limits.max_header_list_bytes) {
      c.out_of_budget_ = true;
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;  // nothing is read from trailers
    if (Stream* s = stream(session, frame->hd.stream_id)) {
      s->on_header({reinterpret_cast<const char*>(n.base), n.len},
                   {reinterpret_cast<const char*>(v.base), v.len});
    }
    return 0;
  }

  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Connection& c = connection(user);
    switch (frame->hd.type) {
      case NGHTTP2_SETTINGS:
        c.handshake_done_ = true;
        return 0;
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA:
        break;
      default:
        return 0;
    }
    Stream* s = stream(session, frame->hd.stream_id);
    if (s == nullptr) return 0;
    c.bytes_since_call_ = 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      s->on_head_complete();
    }
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) s->on_half_close();
    return 0;
  }

  static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t id,
                     const std::uint8_t* data, std::size_t size, void*) {
    if (Stream* s = stream(session, id)) {
      s->on_data({data, size});
    } else {
      nghttp2_session_consume_connection(session, size);
    }
    return 0;
  }

  static int on_stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t error_code,
                             void* user) {
    if (Stream* s = stream(session, id)) connection(user).close_stream(*s, error_code);
    return 0;
  }

  static int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    connection(user).on_frame_sent(*frame);
    return 0;
  }
};

namespace {

// libnghttp2 limits resets by itself where it is new enough, at a rate that honest clients with
// short deadlines pass; AbuseBudget does it instead. A template, so that older headers compile too.
template <typename Option>
void disable_own_reset_limit(Option* option) {
  constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 40;
  if constexpr (requires { nghttp2_option_set_stream_reset_rate_limit(option, 1, 1); }) {
    nghttp2_option_set_stream_reset_rate_limit(option, kUnlimited, kUnlimited);
  }
}

}  // namespace

nghttp2_session_callbacks* make_http2_callbacks() {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks,
                                                          Http2Callbacks::on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback2(callbacks, Http2Callbacks::on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Http2Callbacks::on_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Http2Callbacks::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
                                                         Http2Callbacks::on_stream_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Http2Callbacks::on_frame_sent);
  return callbacks;
}

nghttp2_option* make_http2_options() {
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  // Windows are given back as messages are taken, so that slow calls push back on their senders.
  nghttp2_option_set_no_auto_window_update(option, 1);
  // A header block above libnghttp2's own limit would never leave, and its stream would never end.
  nghttp2_option_set_max_send_header_block_length(option, std::size_t{1} << 20);
  disable_own_reset_limit(option);
  return option;
}

}  // namespace fenqi::server
