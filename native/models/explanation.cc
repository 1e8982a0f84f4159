#include "models/explanation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "fenqi/contract.h"
#include "models/reference_rows.h"
#include "wire/decode.h"

namespace fenqi::models {
namespace {

namespace image = contract::internal;
using wire::MessageReader;

// How far base and parts may be from the margin, which the model sums in float32.
constexpr double kMostRounding = 1e-3;

// A probability in float32 tells log-odds beyond this badly apart.
constexpr double kMostLogOdds = 5.0;

Status refuse(const std::string& what) {
  return error(StatusCode::kFailedPrecondition, "explanation: " + what);
}

// The message, taken apart.
struct ExplanationImage {
  std::vector<std::span<const std::uint8_t>> reference;
  bool is_tree_shap = false;
  std::uint32_t forest = 0;
  std::vector<double> weight_of_target;
  std::vector<std::uint32_t> input_of_column;
  double constant = 0.0;
  bool is_permutations = false;
  std::uint32_t permutations = 0;
  bool is_additive = false;
  std::vector<AdditiveExplanation::Term> terms;
};

bool read_tree_shap(std::span<const std::uint8_t> bytes, ExplanationImage& read) {
  MessageReader reader(bytes);
  bool fine = true;
  while (fine && reader.next()) {
    switch (reader.number()) {
      case image::tree_shap::kForest:
        read.forest = reader.bits32();
        break;
      case image::tree_shap::kWeightOfTarget:
        fine = wire::append_doubles(reader, read.weight_of_target);
        break;
      case image::tree_shap::kInputOfColumn:
        fine = wire::append_varints(reader, read.input_of_column, wire::saturate32);
        break;
      case image::tree_shap::kConstant:
        read.constant = reader.number64();
        break;
      default:
        break;
    }
  }
  return fine && reader.ok();
}

bool read_permutations(std::span<const std::uint8_t> bytes, ExplanationImage& read) {
  MessageReader reader(bytes);
  while (reader.next()) {
    if (reader.number() == image::permutations::kCount) read.permutations = reader.bits32();
  }
  return reader.ok();
}

Bank bank_of_type(std::uint32_t type) {
  switch (type) {
    case contract::tensor_type::kFloat:
      return Bank::kFloat;
    case contract::tensor_type::kDouble:
      return Bank::kDouble;
    case contract::tensor_type::kInt64:
      return Bank::kInt;
    default:
      return Bank::kNone;
  }
}

bool read_term(std::span<const std::uint8_t> bytes, AdditiveExplanation::Term& term) {
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::additive_term::kType:
        term.bank = bank_of_type(reader.bits32());
        break;
      case image::additive_term::kCell:
        term.cell = reader.bits32();
        break;
      case image::additive_term::kWeight:
        term.weight = reader.number64();
        break;
      case image::additive_term::kColumn:
        term.column = reader.bits32();
        break;
      default:
        break;
    }
  }
  return reader.ok();
}

bool read_additive(std::span<const std::uint8_t> bytes, ExplanationImage& read) {
  MessageReader reader(bytes);
  bool fine = true;
  while (fine && reader.next()) {
    switch (reader.number()) {
      case image::additive::kConstant:
        read.constant = reader.number64();
        break;
      case image::additive::kTerms:
        fine = read_term(reader.payload(), read.terms.emplace_back());
        break;
      default:
        break;
    }
  }
  return fine && reader.ok();
}

bool read_image(std::span<const std::uint8_t> bytes, ExplanationImage& read) {
  MessageReader reader(bytes);
  bool fine = true;
  while (fine && reader.next()) {
    switch (reader.number()) {
      case image::explanation::kReference:
        read.reference.push_back(reader.payload());
        break;
      case image::explanation::kTreeShap:
        read.is_tree_shap = true;
        fine = read_tree_shap(reader.payload(), read);
        break;
      case image::explanation::kPermutations:
        read.is_permutations = true;
        fine = read_permutations(reader.payload(), read);
        break;
      case image::explanation::kAdditive:
        read.is_additive = true;
        fine = read_additive(reader.payload(), read);
        break;
      default:
        break;
    }
  }
  return fine && reader.ok() && read.is_tree_shap + read.is_permutations + read.is_additive == 1;
}

}  // namespace

class ExplanationLoader {
 public:
  ExplanationLoader(std::shared_ptr<const Model> model, const Margin& margin)
      : model_(std::move(model)), margin_(margin) {}

  Result<std::shared_ptr<const Explanation>> load(std::span<const std::uint8_t> bytes) {
    if (!read_image(bytes, image_)) return refuse("damaged bytes");
    auto reference = ReferenceRows::parse(image_.reference, *model_);
    if (!reference.ok()) return reference.status();
    if (image_.is_additive) return load_additive(reference.value());
    return image_.is_tree_shap ? load_trees(reference.value())
                               : load_permutations(std::move(reference.value()));
  }

 private:
  using Loaded = Result<std::shared_ptr<const Explanation>>;

  Loaded load_permutations(ReferenceRows reference) {
    const std::size_t columns = reference.column_count();
    auto built =
        PermutationExplanation::build(model_, margin_, std::move(reference), image_.permutations);
    if (!built.ok()) return built.status();
    const double base = built.value().base();
    return finished(std::move(built.value()), base, columns);
  }

  Loaded load_additive(const ReferenceRows& reference) {
    auto built =
        AdditiveExplanation::build(model_, reference, image_.constant, std::move(image_.terms));
    if (!built.ok()) return built.status();
    const double base = built.value().base();
    auto run = ModelRun::create(model_);
    if (!run.ok()) return run.status();
    std::vector<double> parts(reference.column_count());
    for (std::size_t row = 0; row < reference.count(); ++row) {
      reference.feed(row, run.value());
      if (Status s = run.value().run(); !s.ok()) return s;
      built.value().explain(run.value(), parts);
      if (Status s = check_sum(parts, base, margin_.of(run.value()), row); !s.ok()) return s;
    }
    return finished(std::move(built.value()), base, reference.column_count());
  }

  Loaded load_trees(const ReferenceRows& reference) {
    const NativeModel* native = model_->native();
    if (native == nullptr || !native->runs_forest(image_.forest)) {
      return refuse("the model has no such forest");
    }
    const Forest& forest = native->forests()[image_.forest];
    const bool fits =
        image_.weight_of_target.size() == forest.target_count() &&
        image_.input_of_column.size() == forest.column_count() &&
        std::all_of(image_.input_of_column.begin(), image_.input_of_column.end(),
                    [&](std::uint32_t column) { return column < reference.column_count(); });
    if (!fits) return refuse("it does not fit the forest");
    if (Status s = run(reference); !s.ok()) return s;
    auto trees =
        TreeExplanation::build({forest, image_.weight_of_target, image_.input_of_column,
                                static_cast<std::uint32_t>(reference.column_count()), rows_});
    if (!trees.ok()) return refuse(trees.status().message);
    // Of doubles, where the margins are sums of float32.
    double base = image_.constant + trees.value().base();
    for (std::size_t i = 0; i < forest.base_values().size(); ++i) {
      base += image_.weight_of_target[i] * static_cast<double>(forest.base_values()[i]);
    }
    if (Status s = check_sums(trees.value(), base, forest.column_count()); !s.ok()) return s;
    return finished(Explanation::OfForest{image_.forest, std::move(trees.value())}, base,
                    reference.column_count());
  }

  // The forest's rows and the margins of the whole reference.
  Status run(const ReferenceRows& reference) {
    auto run = ModelRun::create(model_);
    if (!run.ok()) return run.status();
    for (std::size_t row = 0; row < reference.count(); ++row) {
      reference.feed(row, run.value());
      if (Status s = run.value().run(); !s.ok()) return s;
      const auto values = run.value().forest_row(image_.forest);
      rows_.insert(rows_.end(), values.begin(), values.end());
      margins_.push_back(margin_.of(run.value()));
    }
    return {};
  }

  Status check_sums(const TreeExplanation& trees, double base, std::size_t columns) const {
    TreeExplanation::Scratch scratch(trees);
    std::vector<double> parts(trees.players());
    for (std::size_t row = 0; row < margins_.size(); ++row) {
      trees.explain(std::span(rows_).subspan(row * columns, columns), scratch, parts);
      if (Status s = check_sum(parts, base, margins_[row], row); !s.ok()) return s;
    }
    return {};
  }

  // The margin of a reference row is what the image says it is.
  Status check_sum(std::span<const double> parts, double base, double margin,
                   std::size_t row) const {
    if (!std::isfinite(margin)) return refuse("the model gives a row of the reference no number");
    if (margin_.is_probability && std::abs(margin) > kMostLogOdds) return {};
    const double sum = std::accumulate(parts.begin(), parts.end(), base);
    if (std::abs(sum - margin) <= kMostRounding * std::max(1.0, std::abs(base))) return {};
    return refuse("base and parts of row " + std::to_string(row) + " of the reference add up to " +
                  std::to_string(sum) + ", its margin is " + std::to_string(margin));
  }

  template <typename By>
  Loaded finished(By by, double base, std::size_t parts) {
    std::shared_ptr<Explanation> built(new Explanation(model_, std::move(by)));
    built->base_margin_ = base;
    built->part_count_ = parts;
    return std::shared_ptr<const Explanation>(std::move(built));
  }

  std::shared_ptr<const Model> model_;
  Margin margin_;
  ExplanationImage image_;
  std::vector<float> rows_;
  std::vector<double> margins_;
};

Result<std::shared_ptr<const Explanation>> Explanation::load(std::span<const std::uint8_t> bytes,
                                                             std::shared_ptr<const Model> model,
                                                             const Margin& margin) {
  return ExplanationLoader(std::move(model), margin).load(bytes);
}

ExplanationRun::ExplanationRun(std::shared_ptr<const Explanation> explanation)
    : explanation_(std::move(explanation)), scratch_([&]() -> decltype(scratch_) {
        if (const auto* of = std::get_if<Explanation::OfForest>(&explanation_->by_)) {
          return TreeExplanation::Scratch(of->trees);
        }
        if (std::holds_alternative<AdditiveExplanation>(explanation_->by_)) return {};
        return PermutationExplanation::Scratch(*explanation_->model_);
      }()) {}

Status ExplanationRun::explain(ModelRun& run, double margin, std::span<double> parts) {
  if (const auto* of = std::get_if<Explanation::OfForest>(&explanation_->by_)) {
    of->trees.explain(run.forest_row(of->forest), *std::get_if<TreeExplanation::Scratch>(&scratch_),
                      parts);
    return {};
  }
  if (const auto* additive = std::get_if<AdditiveExplanation>(&explanation_->by_)) {
    additive->explain(run, parts);
    return {};
  }
  return std::get_if<PermutationExplanation>(&explanation_->by_)
      ->explain(run, margin, *std::get_if<PermutationExplanation::Scratch>(&scratch_), parts);
}

}  // namespace fenqi::models
