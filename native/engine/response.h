// Writes a fenqi.v1.ScoreResponse.
#pragma once

#include <string_view>

#include "base/value.h"
#include "engine/release.h"
#include "engine/verdict.h"
#include "wire/writer.h"

namespace fenqi::engine {

// One field ScoreResponse.rule_hits. Empty text is left out, as protobuf does.
void write_hit(wire::MessageWriter& writer, const Rule& rule, std::uint32_t action,
               std::uint32_t cause, std::string_view detail);

// The whole answer. `registers` are those of the request; `opinion` is null where no model ran.
void write_response(wire::MessageWriter& writer, const Release& release,
                    std::span<const Value> registers, const ModelOpinion* opinion,
                    const Verdict& verdict);

}  // namespace fenqi::engine
