#include "engine/traffic.h"

#include <algorithm>
#include <cmath>

namespace fenqi::engine {
namespace {

// Bin i holds what is at least edges[i - 1] and below edges[i].
std::size_t bin_of(std::span<const double> edges, double value) {
  return static_cast<std::size_t>(std::upper_bound(edges.begin(), edges.end(), value) -
                                  edges.begin());
}

// Adds up what `counts` hold bin by bin.
void add_to(std::vector<std::uint64_t>& sums, std::span<const Count> counts) {
  for (std::size_t i = 0; i < counts.size(); ++i) sums[i] += counts[i].value();
}

bool is_decision(std::uint32_t decision) {
  return decision >= 1 && decision <= kDecisions;
}

}  // namespace

TrafficCounters::TrafficCounters(const Release& release) {
  for (const ModelSlot& slot : release.models()) {
    scores_.emplace_back(slot.score_reference.counts.size());
    std::vector<std::vector<Count>>& columns = columns_.emplace_back();
    for (const ColumnReference& column : slot.column_references) {
      columns.emplace_back(column.distribution.counts.size());
    }
  }
}

void TrafficCounters::count(const Release& release, const Outcome& outcome,
                            const Summary& summary) {
  requests_.add();
  if (!outcome.status.ok()) {
    by_status_[static_cast<std::size_t>(outcome.status.code)].add();
    return;
  }
  latency_.record(static_cast<std::uint64_t>(outcome.timings.back()));
  if (is_decision(summary.decision)) by_decision_[summary.decision - 1].add();
  if (!summary.is_scored || summary.model == kNone) return;
  const Distribution& reference = release.models()[summary.model].score_reference;
  if (reference.counts.empty()) return;
  scores_[summary.model][bin_of(reference.edges, summary.score)].add();
}

void TrafficCounters::count_columns(const Release& release, std::span<const Value> registers) {
  for (std::size_t m = 0; m < columns_.size(); ++m) {
    const ModelSlot& slot = release.models()[m];
    std::size_t column = 0;
    for (const InputBinding& input : slot.inputs) {
      for (const std::uint32_t r : input.registers) {
        if (column == columns_[m].size()) break;
        std::vector<Count>& bins = columns_[m][column];
        const Distribution& reference = slot.column_references[column].distribution;
        ++column;
        if (bins.empty()) continue;
        const Value& value = registers[r];
        bins[value.is_ok() ? bin_of(reference.edges, number_of(value)) : bins.size() - 1].add();
      }
    }
  }
}

void TrafficCounters::compare(const Summary& champion, const Summary& own) {
  if (!is_decision(champion.decision) || !is_decision(own.decision)) return;
  swaps_[champion.decision - 1][own.decision - 1].add();
  if (!champion.is_scored || !own.is_scored) return;
  scored_pairs_.add();
  differences_.store(differences_.load(std::memory_order_relaxed) +
                         std::abs(champion.probability - own.probability),
                     std::memory_order_relaxed);
}

TrafficCounters& Traffic::counters_of(std::uint64_t writer) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<TrafficCounters>& counters = by_writer_[writer];
  if (counters == nullptr) counters = std::make_unique<TrafficCounters>(*release_);
  return *counters;
}

TrafficReport Traffic::report() const {
  TrafficReport report;
  report.content_hash = release_->content_hash();
  const auto models = release_->models();
  // By model: scores, and columns.
  std::vector<std::vector<std::uint64_t>> scores;
  std::vector<std::vector<std::vector<std::uint64_t>>> columns;
  for (const ModelSlot& slot : models) {
    scores.emplace_back(slot.score_reference.counts.size());
    auto& of_model = columns.emplace_back();
    for (const ColumnReference& column : slot.column_references) {
      of_model.emplace_back(column.distribution.counts.size());
    }
  }
  Comparison& comparison = report.comparison;
  comparison.missed = missed_.load(std::memory_order_relaxed);
  double differences = 0.0;
  std::uint64_t scored_pairs = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [writer, counters] : by_writer_) {
      report.requests += counters->requests_.value();
      for (std::size_t code = 0; code < kStatusCodes; ++code) {
        const std::uint64_t n = counters->by_status_[code].value();
        if (n > 0) report.errors[static_cast<int>(code)] += n;
      }
      for (std::size_t d = 0; d < kDecisions; ++d) {
        report.decisions[d] += counters->by_decision_[d].value();
        for (std::size_t other = 0; other < kDecisions; ++other) {
          comparison.swaps[d][other] += counters->swaps_[d][other].value();
        }
      }
      for (std::size_t m = 0; m < models.size(); ++m) {
        add_to(scores[m], counters->scores_[m]);
        for (std::size_t c = 0; c < columns[m].size(); ++c) {
          add_to(columns[m][c], counters->columns_[m][c]);
        }
      }
      report.latency->merge(counters->latency_);
      scored_pairs += counters->scored_pairs_.value();
      differences += counters->differences_.load(std::memory_order_relaxed);
    }
  }
  for (std::size_t d = 0; d < kDecisions; ++d) {
    comparison.agreed += comparison.swaps[d][d];
    for (const std::uint64_t n : comparison.swaps[d]) comparison.compared += n;
  }
  if (scored_pairs > 0) {
    comparison.mean_difference = differences / static_cast<double>(scored_pairs);
  }
  for (std::size_t m = 0; m < models.size(); ++m) {
    const ModelSlot& slot = models[m];
    if (!scores[m].empty()) {
      const Drift moved = drift(scores[m], slot.score_reference.counts);
      report.scores.push_back({slot.slot, slot.score_reference.edges, std::move(scores[m]), moved});
    }
    for (std::size_t c = 0; c < columns[m].size(); ++c) {
      const ColumnReference& column = slot.column_references[c];
      if (columns[m][c].empty()) continue;
      report.columns.push_back(
          {slot.slot, column.name, drift(columns[m][c], column.distribution.counts)});
    }
  }
  return report;
}

}  // namespace fenqi::engine
