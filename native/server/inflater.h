// Decompresses request messages (gzip and deflate), and compresses answers where a client asked.
// One for each worker, reused for every message; not thread-safe.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"

namespace fenqi::server {

enum class Encoding : std::uint8_t { kIdentity, kGzip, kDeflate };

class Inflater {
 public:
  Inflater() = default;
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // On success `out` views the message until the next call. kResourceExhausted as soon as the
  // output passes `max_bytes`, so a bomb costs no more than that; kInternal when the data is
  // damaged, cut short or followed by more.
  Status inflate(Encoding encoding, std::span<const std::uint8_t> data, std::size_t max_bytes,
                 std::span<const std::uint8_t>& out);

 private:
  z_stream stream_{};
  bool ready_ = false;
  std::vector<std::uint8_t> out_;
};

// `data` in gzip format. Allocates; only for methods that compress what they send.
std::vector<std::uint8_t> gzip(std::span<const std::uint8_t> data);

}  // namespace fenqi::server
