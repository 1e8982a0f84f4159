#include "models/additive_explanation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace fenqi::models {

Result<AdditiveExplanation> AdditiveExplanation::build(const std::shared_ptr<const Model>& model,
                                                       const ReferenceRows& reference,
                                                       double constant, std::vector<Term> terms) {
  const NativeModel* native = model->native();
  const bool fits = native != nullptr && !terms.empty() && std::isfinite(constant) &&
                    std::all_of(terms.begin(), terms.end(), [&](const Term& term) {
                      return native->has_number(term.bank, term.cell) &&
                             std::isfinite(term.weight) && term.column < reference.column_count();
                    });
  if (!fits)
    return error(StatusCode::kFailedPrecondition, "explanation: its terms do not fit the model");
  auto run = ModelRun::create(model);
  if (!run.ok()) return run.status();
  AdditiveExplanation built;
  built.terms_ = std::move(terms);
  built.means_.resize(reference.column_count());
  std::vector<double> sums(reference.column_count());
  for (std::size_t row = 0; row < reference.count(); ++row) {
    reference.feed(row, run.value());
    if (Status s = run.value().run(); !s.ok()) return s;
    built.add_up(run.value(), sums);
    for (std::size_t i = 0; i < sums.size(); ++i) built.means_[i] += sums[i];
  }
  for (double& mean : built.means_) mean /= static_cast<double>(reference.count());
  built.base_ = std::accumulate(built.means_.begin(), built.means_.end(), constant);
  return built;
}

void AdditiveExplanation::explain(const ModelRun& run, std::span<double> parts) const noexcept {
  add_up(run, parts);
  for (std::size_t i = 0; i < means_.size(); ++i) parts[i] -= means_[i];
}

void AdditiveExplanation::add_up(const ModelRun& run, std::span<double> parts) const noexcept {
  std::fill(parts.begin(), parts.end(), 0.0);
  for (const Term& term : terms_)
    parts[term.column] += term.weight * run.number(term.bank, term.cell);
}

}  // namespace fenqi::models
