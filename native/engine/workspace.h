// Scratch that belongs to one release and one thread: its registers with the constants in place, a
// run of each model with its tensors bound, and what models and scorecards say.
//
// Making one takes memory and time in proportion to the release; deciding with it takes none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "engine/opinion.h"
#include "engine/reasons.h"
#include "engine/release.h"
#include "offers/search.h"

namespace fenqi::engine {

struct Workspace {
  // Fails with INTERNAL where onnxruntime cannot bind a model's tensors.
  static Result<std::unique_ptr<Workspace>> create(std::shared_ptr<const Release> release);

  std::shared_ptr<const Release> release;
  std::vector<Value> registers;
  std::vector<std::uint32_t> counters;
  std::vector<models::ModelRun> runs;
  std::vector<double> margins;                                      // of the runs
  std::vector<std::optional<models::ExplanationRun>> explanations;  // of the models that explain
  std::vector<double> parts;                                        // of the opinion
  Opinion opinion;
  ReasonScratch reasons;
  std::unique_ptr<offers::SearchScratch> search;  // where the release offers loans

 private:
  explicit Workspace(std::shared_ptr<const Release> of);
};

}  // namespace fenqi::engine
