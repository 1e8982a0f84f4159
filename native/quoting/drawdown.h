// Whether a drawdown comes with a valid acknowledgement of a quote (R37).
#pragma once

#include <cstdint>
#include <span>

#include "quoting/acknowledgement.h"

namespace fenqi::quoting {

struct ReadingTime {
  std::int32_t minimum_seconds = 0;  // from the quote to the acknowledgement
  std::int32_t valid_seconds = 0;    // from the quote to the drawdown, at most
};

// What is wrong with ScoreRequest.acknowledgement, a sentence of constant memory; null where
// nothing is. Missing is wrong: a token without a key to check it, a time that is not given, a loan
// without an amount. `request` is a serialized fenqi.v1.ScoreRequest that was read without a fault,
// `decided_at_seconds` its moment. Takes nothing from the heap once the thread is warm.
const char* acknowledgement_fault(std::span<const std::uint8_t> request,
                                  std::int64_t decided_at_seconds, const AcknowledgementKey* key,
                                  const ReadingTime& time);

}  // namespace fenqi::quoting
