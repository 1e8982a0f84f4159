#include "models/permutation_explanation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace fenqi::models {
namespace {

Status refuse(const std::string& what) {
  return error(StatusCode::kFailedPrecondition, "explanation: " + what);
}

Status no_number() {
  return error(StatusCode::kInternal, "the model gave no finite number while it was explained");
}

// SplitMix64 (Steele, Lea and Flood 2014), the same on every platform.
class Random {
 public:
  // Below `end`; what the remainder favours is far below what sampling itself does.
  std::uint64_t below(std::uint64_t end) {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % end;
  }

 private:
  std::uint64_t state_ = 0;
};

std::vector<std::uint32_t> shuffled(std::size_t count, Random& random) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

}  // namespace

Result<PermutationExplanation> PermutationExplanation::build(
    const std::shared_ptr<const Model>& model, const Margin& margin, ReferenceRows reference,
    std::uint32_t count) {
  if (count == 0 || count > kMostPermutations) {
    return refuse("from 1 to " + std::to_string(kMostPermutations) + " permutations are possible");
  }
  auto run = ModelRun::create(model);
  if (!run.ok()) return run.status();
  PermutationExplanation built;
  built.margin_ = margin;
  built.reference_ = std::move(reference);
  built.columns_ = columns_of(*model);
  Random random;
  // Pairs begin with rows at equal distances, so that few of them stand for the whole reference.
  const std::size_t pairs = (count + 1) / 2;
  for (std::uint32_t i = 0; i < count; ++i) {
    Permutation next;
    if (i % 2 == 0) {
      next.order = shuffled(built.columns_.size(), random);
      next.row = (i / 2) * built.reference_.count() / pairs;
      built.reference_.feed(next.row, run.value());
      if (Status s = run.value().run(); !s.ok()) return s;
      next.margin = margin.of(run.value());
      if (!std::isfinite(next.margin)) return refuse("the model gives a reference row no number");
    } else {
      next = built.permutations_.back();
      std::reverse(next.order.begin(), next.order.end());
    }
    built.base_ += next.margin / count;
    built.permutations_.push_back(std::move(next));
  }
  return built;
}

PermutationExplanation::Scratch::Scratch(const Model& model)
    : applicant(columns_of(model).size()) {}

std::vector<PermutationExplanation::Column> PermutationExplanation::columns_of(const Model& model) {
  std::vector<Column> columns;
  for (std::size_t i = 0; i < model.inputs().size(); ++i) {
    const Tensor& input = model.inputs()[i];
    for (std::size_t place = 0; place < input.width; ++place) {
      columns.push_back({i, place, input.type});
    }
  }
  return columns;
}

Status PermutationExplanation::explain(ModelRun& run, double margin, Scratch& scratch,
                                       std::span<double> parts) const {
  save(run, scratch);
  std::fill(parts.begin(), parts.end(), 0.0);
  const double share = 1.0 / static_cast<double>(permutations_.size());
  Status status;
  for (const Permutation& permutation : permutations_) {
    if (!status.ok()) break;
    reference_.feed(permutation.row, run);
    double before = permutation.margin;
    for (std::size_t i = 0; i < permutation.order.size() && status.ok(); ++i) {
      const std::uint32_t column = permutation.order[i];
      put(column, scratch, run);
      double after = margin;  // with the last column it is the applicant
      if (i + 1 < permutation.order.size()) {
        status = run.run();
        if (!status.ok()) break;
        after = margin_.of(run);
        if (!std::isfinite(after)) status = no_number();
      }
      parts[column] += share * (after - before);
      before = after;
    }
  }
  for (std::size_t column = 0; column < columns_.size(); ++column) put(column, scratch, run);
  return status;
}

void PermutationExplanation::save(ModelRun& run, Scratch& scratch) const {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const Column& column = columns_[i];
    Scratch::Value& value = scratch.applicant[i];
    switch (column.type) {
      case ElementType::kFloat:
        value.number = static_cast<double>(run.floats(column.input)[column.place]);
        break;
      case ElementType::kDouble:
        value.number = run.doubles(column.input)[column.place];
        break;
      case ElementType::kString:
        value.text.assign(run.string(column.input, column.place));
        break;
      default:
        value.whole = run.int64s(column.input)[column.place];
        break;
    }
  }
}

void PermutationExplanation::put(std::size_t i, const Scratch& scratch, ModelRun& run) const {
  const Column& column = columns_[i];
  const Scratch::Value& value = scratch.applicant[i];
  switch (column.type) {
    case ElementType::kFloat:
      run.floats(column.input)[column.place] = static_cast<float>(value.number);
      break;
    case ElementType::kDouble:
      run.doubles(column.input)[column.place] = value.number;
      break;
    case ElementType::kString:
      run.set_string(column.input, column.place, value.text);
      break;
    default:
      run.int64s(column.input)[column.place] = value.whole;
      break;
  }
}

}  // namespace fenqi::models
