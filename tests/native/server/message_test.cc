// From the bytes of a request body to messages: framing and decompression.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "server/inflater.h"
#include "server/message_reader.h"

using namespace fenqi;
using namespace fenqi::server;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kMax = 1000;

Bytes framed(const Bytes& message, std::uint8_t flag = 0) {
  Bytes out(5 + message.size());
  out[0] = flag;
  for (std::size_t i = 0; i < 4; ++i) {
    out[1 + i] = static_cast<std::uint8_t>(message.size() >> (24 - 8 * i));
  }
  std::copy(message.begin(), message.end(), out.begin() + 5);
  return out;
}

struct Read {
  std::vector<Bytes> messages;
  Status status;
};

void drain(MessageReader& reader, Read& read) {
  MessageReader::Message message;
  while (reader.peek(kMax, message, read.status) == MessageReader::Found::kMessage) {
    read.messages.emplace_back(message.bytes.begin(), message.bytes.end());
    reader.pop();
  }
}

}  // namespace

TEST_CASE("messages come out whole however the body is cut") {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<Bytes> sent(random() % 6);
    Bytes body;
    for (Bytes& message : sent) {
      message.resize(random() % 300);
      for (auto& byte : message) byte = static_cast<std::uint8_t>(random());
      const Bytes part = framed(message);
      body.insert(body.end(), part.begin(), part.end());
    }
    MessageReader reader;
    Read read;
    for (std::size_t at = 0; at < body.size();) {
      const std::size_t n = std::min<std::size_t>(1 + random() % 90, body.size() - at);
      reader.append({body.data() + at, n});
      at += n;
      drain(reader, read);
    }
    CHECK(read.messages == sent);
    CHECK(read.status.ok());
    CHECK(reader.unread() == 0);
  }
}

TEST_CASE("a message of exactly the limit passes, and one byte more is refused at its prefix") {
  MessageReader reader;
  Read read;
  reader.append(framed(Bytes(kMax)));
  drain(reader, read);
  CHECK(read.messages.size() == 1);
  const Bytes larger = framed(Bytes(kMax + 1));
  reader.append({larger.data(), 5});
  MessageReader::Message message;
  CHECK(reader.peek(kMax, message, read.status) == MessageReader::Found::kError);
  CHECK(read.status.code == StatusCode::kResourceExhausted);
}

TEST_CASE("a flag other than 0 and 1 is refused before the length is known") {
  MessageReader reader;
  const Bytes flag{2};
  reader.append(flag);
  MessageReader::Message message;
  Status status;
  CHECK(reader.peek(kMax, message, status) == MessageReader::Found::kError);
  CHECK(status.code == StatusCode::kInternal);
}

TEST_CASE("an announced length costs no memory until the bytes arrive") {
  MessageReader reader;
  const Bytes prefix{0, 0xff, 0xff, 0xff, 0xff};
  reader.append(prefix);
  MessageReader::Message message;
  Status status;
  CHECK(reader.peek(std::size_t{1} << 40, message, status) == MessageReader::Found::kNothing);
  CHECK(reader.unread() == 5);
}

TEST_CASE("a gzip message comes back as it was, and the inflater is reused") {
  Inflater inflater;
  std::mt19937 random(4);
  for (const std::size_t size : {0, 1, 1000, 100'000, 3'000'000, 10}) {
    Bytes data(size);
    for (auto& byte : data) byte = static_cast<std::uint8_t>(random() % 7);
    const Bytes packed = gzip(data);
    std::span<const std::uint8_t> out;
    const Status status = inflater.inflate(Encoding::kGzip, packed, 4 << 20, out);
    CHECK(status.ok());
    CHECK(Bytes(out.begin(), out.end()) == data);
  }
}

TEST_CASE("the size limit holds to the byte, and a bomb stops at it") {
  Inflater inflater;
  const Bytes packed = gzip(Bytes(100'000));
  std::span<const std::uint8_t> out;
  CHECK(inflater.inflate(Encoding::kGzip, packed, 100'000, out).ok());
  CHECK(out.size() == 100'000);
  const Status status = inflater.inflate(Encoding::kGzip, packed, 99'999, out);
  CHECK(status.code == StatusCode::kResourceExhausted);
  const Bytes bomb = gzip(Bytes(64 << 20));
  CHECK(inflater.inflate(Encoding::kGzip, bomb, kMax, out).code == StatusCode::kResourceExhausted);
}

TEST_CASE("every cut and every added byte of a compressed message is an error") {
  Inflater inflater;
  const Bytes packed = gzip(Bytes(300, 7));
  std::span<const std::uint8_t> out;
  for (std::size_t n = 0; n < packed.size(); ++n) {
    CHECK(inflater.inflate(Encoding::kGzip, {packed.data(), n}, kMax, out).code ==
          StatusCode::kInternal);
  }
  Bytes more = packed;
  more.push_back(0);
  CHECK(inflater.inflate(Encoding::kGzip, more, kMax, out).code == StatusCode::kInternal);
  CHECK(inflater.inflate(Encoding::kDeflate, packed, kMax, out).code == StatusCode::kInternal);
}
