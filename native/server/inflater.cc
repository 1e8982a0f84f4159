#include "server/inflater.h"

#include <algorithm>
#include <string>

namespace fenqi::server {
namespace {

constexpr std::size_t kFirstOutput = 16 << 10;
// Memory kept between messages; a large message's buffer is given back.
constexpr std::size_t kKeptOutput = 256 << 10;

int window_bits(Encoding encoding) {
  constexpr int kGzipFlag = 16;
  return encoding == Encoding::kGzip ? MAX_WBITS + kGzipFlag : MAX_WBITS;
}

}  // namespace

Inflater::~Inflater() {
  if (ready_) inflateEnd(&stream_);
}

Status Inflater::inflate(Encoding encoding, std::span<const std::uint8_t> data,
                         std::size_t max_bytes, std::span<const std::uint8_t>& out) {
  const int rc = ready_ ? inflateReset2(&stream_, window_bits(encoding))
                        : inflateInit2(&stream_, window_bits(encoding));
  if (rc != Z_OK) return error(StatusCode::kInternal, "cannot set up decompression");
  ready_ = true;
  if (out_.size() > kKeptOutput) out_ = {};
  if (out_.size() < kFirstOutput) out_.resize(kFirstOutput);

  stream_.next_in = const_cast<Bytef*>(data.data());
  stream_.avail_in = static_cast<uInt>(data.size());
  std::size_t produced = 0;
  for (;;) {
    // One byte more than allowed, to tell "just fits" from "too large".
    const std::size_t room = std::min(out_.size(), max_bytes + 1) - produced;
    stream_.next_out = out_.data() + produced;
    stream_.avail_out = static_cast<uInt>(room);
    const int step = ::inflate(&stream_, Z_NO_FLUSH);
    produced += room - stream_.avail_out;
    if (produced > max_bytes) {
      return error(StatusCode::kResourceExhausted,
                   "request message is larger than " + std::to_string(max_bytes) +
                       " bytes after decompression; send a smaller message");
    }
    if (step == Z_STREAM_END) break;
    if (step != Z_OK || stream_.avail_out != 0) {
      return error(StatusCode::kInternal, "compressed request message is damaged or cut short");
    }
    out_.resize(out_.size() * 2);
  }
  if (stream_.avail_in != 0) {
    return error(StatusCode::kInternal, "bytes follow the end of the compressed request message");
  }
  out = {out_.data(), produced};
  return {};
}

std::vector<std::uint8_t> gzip(std::span<const std::uint8_t> data) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window_bits(Encoding::kGzip), 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::vector<std::uint8_t> out(deflateBound(&stream, data.size()));
  stream.next_in = const_cast<Bytef*>(data.data());
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace fenqi::server
