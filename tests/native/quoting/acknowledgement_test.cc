// The signature against RFC 4231's published cases; what a token binds.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "quoting/acknowledgement.h"

#include <doctest/doctest.h>

#include <string>

using namespace fenqi;
using namespace fenqi::quoting;

namespace {

std::string hex(const Digest& digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

const std::string kSecret(32, 'k');

QuoteTerms terms() {
  QuoteTerms terms;
  terms.quote_hash.fill(7);
  terms.quoted_at_seconds = 1'800'000'000;
  terms.minimum_reading_seconds = 10;
  terms.principal_fen = 1'000'000;
  terms.term_months = 12;
  return terms;
}

std::string_view view(const Token& token) {
  return {token.data(), token.size()};
}

}  // namespace

TEST_CASE("signatures are those of RFC 4231, whose short keys are padded as HMAC pads them") {
  const auto signature = [](std::string secret, std::string_view message) {
    secret.resize(AcknowledgementKey::kFewestBytes);  // a zero is what HMAC pads with
    return hex(AcknowledgementKey::create(secret)->sign(message));
  };
  CHECK(signature(std::string(20, '\x0b'), "Hi There") ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(signature("Jefe", "what do ya want for nothing?") ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(signature(std::string(20, '\xaa'), std::string(50, '\xdd')) ==
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
}

TEST_CASE("a key is 32 to 64 bytes") {
  for (const std::size_t size : {0u, 31u, 65u, 1000u}) {
    CHECK(!AcknowledgementKey::create(std::string(size, 'k')));
  }
  CHECK(AcknowledgementKey::create(std::string(32, 'k')));
  CHECK(AcknowledgementKey::create(std::string(64, 'k')));
}

TEST_CASE("a token gives back what it was issued for, to the same customer under the same key") {
  const auto key = *AcknowledgementKey::create(kSecret);
  const Token token = issue_token(key, terms(), "customer");
  const auto found = verify_token(key, view(token), "customer");
  REQUIRE(found);
  CHECK(found->quote_hash == terms().quote_hash);
  CHECK(found->quoted_at_seconds == 1'800'000'000);
  CHECK(found->minimum_reading_seconds == 10);
  CHECK(found->principal_fen == 1'000'000);
  CHECK(found->term_months == 12);
  CHECK(!verify_token(key, view(token), "custome"));
  CHECK(!verify_token(key, view(token), ""));
  const auto other = *AcknowledgementKey::create(std::string(32, 'K'));
  CHECK(!verify_token(other, view(token), "customer"));
}

TEST_CASE("a token with any bit turned, cut short or made longer is none") {
  const auto key = *AcknowledgementKey::create(kSecret);
  const Token token = issue_token(key, terms(), "customer");
  for (std::size_t bit = 0; bit < 8 * token.size(); ++bit) {
    Token turned = token;
    turned[bit / 8] = static_cast<char>(turned[bit / 8] ^ (1 << bit % 8));
    CHECK(!verify_token(key, view(turned), "customer"));
  }
  for (std::size_t size = 0; size < token.size(); ++size) {
    CHECK(!verify_token(key, view(token).substr(0, size), "customer"));
  }
  CHECK(!verify_token(key, std::string(view(token)) + '\0', "customer"));
}
