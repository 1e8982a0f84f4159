#include "server/frame_scanner.h"

#include <nghttp2/nghttp2.h>

namespace fenqi::server {

FrameHead FrameScanner::parse() const {
  FrameHead frame;
  frame.length = static_cast<std::uint32_t>(head_[0] << 16 | head_[1] << 8 | head_[2]);
  frame.type = head_[3];
  frame.flags = head_[4];
  frame.stream_id = (static_cast<std::uint32_t>(head_[5]) & 0x7f) << 24 |
                    static_cast<std::uint32_t>(head_[6]) << 16 |
                    static_cast<std::uint32_t>(head_[7]) << 8 | head_[8];
  return frame;
}

void FrameScanner::follow_header_block(const FrameHead& frame) {
  if (frame.type != NGHTTP2_HEADERS && frame.type != NGHTTP2_CONTINUATION) return;
  in_header_block_ = (frame.flags & NGHTTP2_FLAG_END_HEADERS) == 0;
}

}  // namespace fenqi::server
