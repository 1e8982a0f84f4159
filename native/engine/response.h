// Writes a fenqi.v1.ScoreResponse.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/value.h"
#include "engine/offering.h"
#include "engine/opinion.h"
#include "engine/release.h"
#include "engine/verdict.h"
#include "wire/writer.h"

namespace fenqi::engine {

// The texts of a hit. Empty ones are left out, as protobuf does.
struct HitTexts {
  std::string_view rule_id;
  std::string_view reason_code;
  std::string_view detail;
};

// One field ScoreResponse.rule_hits; `action` and `cause` are fenqi.v1.RuleAction and RuleCause.
void write_hit(wire::MessageWriter& writer, const HitTexts& texts, std::uint32_t action,
               std::uint32_t cause, std::optional<std::int64_t> cap_fen = std::nullopt);

// The whole answer. `registers` are those of the request; `rows` are used to plan what is offered,
// where the release has an offer plan.
void write_response(wire::MessageWriter& writer, const Release& release,
                    std::span<const Value> registers, const Assessment& assessment,
                    const Verdict& verdict, const Offering& offering, std::span<offers::Row> rows);

}  // namespace fenqi::engine
