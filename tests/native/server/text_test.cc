// The small texts of gRPC over HTTP/2: timeouts, percent-encoding, base64, status details.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include "server/base64.h"
#include "server/grpc_status.h"
#include "server/grpc_timeout.h"
#include "wire/decode.h"

using namespace fenqi;
using namespace fenqi::server;

TEST_CASE("a timeout is up to eight digits and a unit") {
  CHECK(parse_grpc_timeout("1n") == 1);
  CHECK(parse_grpc_timeout("20u") == 20'000);
  CHECK(parse_grpc_timeout("300m") == 300'000'000);
  CHECK(parse_grpc_timeout("4S") == 4'000'000'000);
  CHECK(parse_grpc_timeout("5M") == 300'000'000'000);
  CHECK(parse_grpc_timeout("6H") == 21'600'000'000'000);
  CHECK(parse_grpc_timeout("00000000S") == 0);
}

TEST_CASE("the longest timeout does not overflow") {
  CHECK(parse_grpc_timeout("99999999H") == std::numeric_limits<std::int64_t>::max());
  CHECK(parse_grpc_timeout("99999999M") == 99'999'999LL * 60'000'000'000);
}

TEST_CASE("anything else is not a timeout") {
  for (const char* text : {"", "S", "1", "1s", "1 S", "+1S", "-1S", "1.0S", "123456789n", "1SS"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_grpc_timeout(text).has_value());
  }
}

TEST_CASE("percent-encoding leaves printable ASCII and escapes the rest") {
  CHECK(percent_encode("plain, text!~ ") == "plain, text!~ ");
  CHECK(percent_encode("100%\n") == "100%25%0A");
  CHECK(percent_encode("\xe5\x88\x86\x7f") == "%E5%88%86%7F");
}

TEST_CASE("percent-decoding undoes encoding for any bytes") {
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    CHECK(percent_decode(percent_encode(bytes)) == bytes);
  }
}

TEST_CASE("percent-decoding keeps what is not an escape") {
  CHECK(percent_decode("50% of %zz %2") == "50% of %zz %2");
  CHECK(percent_decode("%") == "%");
  CHECK(percent_decode("%41%") == "A%");
}

TEST_CASE("base64 has the vectors of RFC 4648, with and without padding") {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    CHECK(base64_encode(bytes) == text);
    CHECK(base64_decode(text) == bytes);
    const std::string padded = text + std::string((4 - std::string(text).size() % 4) % 4, '=');
    CHECK(base64_decode(padded) == bytes);
  }
}

TEST_CASE("base64 refuses what is not base64") {
  for (const char* text :
       {"A", "AAAAA", "A=", "A===", "====", "AA=A", "A B=", "AA-_", "AA=", "AA,AA"}) {
    CAPTURE(text);
    CHECK_FALSE(base64_decode(text).has_value());
  }
}

TEST_CASE("base64 returns any bytes as they were") {
  std::mt19937 random(2);
  for (int round = 0; round < 500; ++round) {
    std::string bytes(random() % 64, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    CHECK(base64_decode(base64_encode(bytes)) == bytes);
  }
}

TEST_CASE("a message is cut between characters") {
  const std::string three_bytes = "\xe5\x88\x86";
  std::string text;
  for (int i = 0; i < 1000; ++i) text += three_bytes;
  const std::string_view cut = cut_message(text);
  CHECK(cut.size() <= 1024);
  CHECK(cut.size() % 3 == 0);
  CHECK(cut_message("short") == "short");
}

namespace {

// google.rpc.Status -> how many field violations its BadRequest holds.
int count_violations(const std::string& details) {
  const auto bytes = [](std::string_view text) {
    return std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  };
  int count = 0;
  for (wire::MessageReader status(bytes(details)); status.next();) {
    if (status.number() != 3) continue;
    for (wire::MessageReader any(status.payload()); any.next();) {
      if (any.number() != 2) continue;
      wire::MessageReader bad_request(any.payload());
      while (bad_request.next()) ++count;
      CHECK(bad_request.ok());
    }
  }
  return count;
}

}  // namespace

TEST_CASE("status details list the violations, as many as fit into a header") {
  CHECK(count_violations(status_details(invalid_field("a.b[2]", "is negative"))) == 1);
  Status status = invalid_field("f", "d");
  for (int i = 0; i < 10'000; ++i) status.violations.push_back({"field", std::string(20, 'x')});
  const std::string details = status_details(status);
  CHECK(count_violations(details) > 50);
  CHECK(details.size() < 4096);
}

TEST_CASE("status details are UTF-8 whatever the request held") {
  const std::string details = status_details(invalid_field("name\xff", "ok \xe5\x88\x86 \xc0\x80"));
  CHECK(details.find("name?") != std::string::npos);
  CHECK(details.find("\xe5\x88\x86 ??") != std::string::npos);
}
