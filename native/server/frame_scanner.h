// Walks the HTTP/2 frame heads in a client's bytes, ahead of libnghttp2: the library does not
// report every frame (unknown types, CONTINUATION, PRIORITY), nor whether it waits in the middle of
// one. Trusts nothing: any byte stream is a sequence of heads to it, and judging them is the
// library's.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace fenqi::server {

struct FrameHead {
  std::uint32_t length = 0;
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream_id = 0;
};

class FrameScanner {
 public:
  // Calls `on_frame(const FrameHead&)` for each head completed in `bytes`; stops early when it
  // returns false. No allocation; time grows with the number of frames, not of bytes.
  template <typename OnFrame>
  bool scan(std::span<const std::uint8_t> bytes, OnFrame&& on_frame) {
    while (!bytes.empty()) {
      if (skip_ > 0) {
        const std::size_t n = std::min(skip_, bytes.size());
        skip_ -= n;
        bytes = bytes.subspan(n);
        continue;
      }
      const std::size_t n = std::min(head_.size() - head_filled_, bytes.size());
      std::copy_n(bytes.begin(), n, head_.begin() + static_cast<std::ptrdiff_t>(head_filled_));
      head_filled_ += n;
      bytes = bytes.subspan(n);
      if (head_filled_ < head_.size()) break;
      head_filled_ = 0;
      const FrameHead frame = parse();
      skip_ = frame.length;
      follow_header_block(frame);
      if (!on_frame(frame)) return false;
    }
    return true;
  }

  // Nothing is awaited: no part of a frame, and no CONTINUATION.
  bool at_rest() const { return skip_ == 0 && head_filled_ == 0 && !in_header_block_; }

 private:
  static constexpr std::size_t kPrefaceBytes = 24;

  FrameHead parse() const;
  void follow_header_block(const FrameHead& frame);

  std::array<std::uint8_t, 9> head_{};
  std::size_t head_filled_ = 0;
  std::size_t skip_ = kPrefaceBytes;
  bool in_header_block_ = false;
};

}  // namespace fenqi::server
