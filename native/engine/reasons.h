// Why a decision is no plain yes, and the score's parts (12 CFR 1002, Supplement I, comments to
// 9(b)(2); 3.3).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/opinion.h"
#include "engine/release.h"
#include "engine/verdict.h"

namespace fenqi::engine {

// One number for each reason of a release.
struct ReasonScratch {
  explicit ReasonScratch(const Release& release)
      : by_reason(release.reasons().size()),
        by_group(release.reasons().size()),
        named(release.reasons().size()) {}

  std::vector<double> by_reason;
  std::vector<double> by_group;      // at the group's first reason
  std::vector<std::uint32_t> named;  // of each group, its member with the largest part
};

// Whether the answer rests on the opinion's parts: sub-scores always do, reasons where there may be
// some.
bool are_parts_read(const Opinion& opinion, const Verdict& verdict);

// Fills `verdict.reasons`, from what failed (comment 7): first the reasons of the rules that asked
// for this very decision, in the policy's order, or of the caps that bind; then, where the cut-offs
// alone say the same, or exploration's amount binds, the reasons for which the score fell
// furthest below the reference (comment 5). Of a group, one is given.
void explain(const Release& release, const Assessment& assessment, ReasonScratch& scratch,
             Verdict& verdict);

// Fills `verdict.sub_scores`: for each dimension that some input belongs to, the score of an
// applicant who is at the reference in everything else. None where the opinion has no parts.
void split_score(const Release& release, const Assessment& assessment, Verdict& verdict);

}  // namespace fenqi::engine
