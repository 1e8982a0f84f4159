// How libnghttp2 is set up for every connection, and how its events reach Connection and Stream.
#pragma once

#include <nghttp2/nghttp2.h>

namespace fenqi::server {

// The caller frees both. The session's user data must be the Connection.
nghttp2_session_callbacks* make_http2_callbacks();
nghttp2_option* make_http2_options();

}  // namespace fenqi::server
