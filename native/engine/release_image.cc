#include "engine/release_image.h"

#include <functional>

#include "fenqi/contract.h"
#include "wire/decode.h"

namespace fenqi::engine {
namespace {

namespace image = contract::internal;
using wire::MessageReader;

// "Plus one" fields: 0 is none, which becomes kNone.
std::uint32_t minus_one(const MessageReader& reader) {
  return reader.bits32() - 1;
}

bool read_input(std::span<const std::uint8_t> bytes, ModelImage& model) {
  models::Tensor tensor;
  InputBinding binding;
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::model_input::kName:
        tensor.name = reader.text();
        break;
      case image::model_input::kType:
        switch (reader.bits32()) {
          case contract::tensor_type::kFloat:
            tensor.type = models::ElementType::kFloat;
            break;
          case contract::tensor_type::kInt64:
            tensor.type = models::ElementType::kInt64;
            break;
          case contract::tensor_type::kString:
            tensor.type = models::ElementType::kString;
            break;
          case contract::tensor_type::kDouble:
            tensor.type = models::ElementType::kDouble;
            break;
          case contract::tensor_type::kBool:
            tensor.type = models::ElementType::kBool;
            break;
          default:
            return false;
        }
        break;
      case image::model_input::kRegisters:
        if (!wire::append_varints(reader, binding.registers, wire::saturate32)) return false;
        break;
      case image::model_input::kMissingInt:
        binding.missing_int = wire::unzigzag(reader.bits());
        break;
      default:
        break;
    }
  }
  tensor.width = binding.registers.size();
  model.tensors.push_back(std::move(tensor));
  model.slot.inputs.push_back(std::move(binding));
  return reader.ok();
}

bool read_calibration(std::span<const std::uint8_t> bytes, models::Calibration& calibration) {
  namespace field = image::calibration;
  std::uint32_t kind = 0;
  double a = 0.0, b = 0.0;
  std::vector<double> raw, calibrated;
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case field::kKind:
        kind = reader.bits32();
        break;
      case field::kA:
        a = reader.number64();
        break;
      case field::kB:
        b = reader.number64();
        break;
      case field::kRaw:
        if (!wire::append_doubles(reader, raw)) return false;
        break;
      case field::kCalibrated:
        if (!wire::append_doubles(reader, calibrated)) return false;
        break;
      case field::kPriorShift:
        calibration.prior_shift = reader.number64();
        break;
      default:
        break;
    }
  }
  if (kind == field::kind::kPlatt) {
    calibration.a = a;
    calibration.b = b;
  } else if (kind == field::kind::kIsotonic && !raw.empty()) {
    calibration.raw = std::move(raw);
    calibration.calibrated = std::move(calibrated);
  } else if (kind != 0) {
    return false;
  }
  return reader.ok();
}

bool read_score_scale(std::span<const std::uint8_t> bytes, models::ScoreScale& scale) {
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::score_scale::kOffset:
        scale.offset = reader.number64();
        break;
      case image::score_scale::kFactor:
        scale.factor = reader.number64();
        break;
      default:
        break;
    }
  }
  return reader.ok();
}

bool read_contribution(std::span<const std::uint8_t> bytes,
                       std::vector<Contribution>& contributions) {
  Contribution contribution;
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::contribution::kReasonPlusOne:
        contribution.reason = minus_one(reader);
        break;
      case image::contribution::kDimension:
        contribution.dimension = reader.bits32();
        break;
      default:
        break;
    }
  }
  contributions.push_back(contribution);
  return reader.ok();
}

bool read_column_reference(std::span<const std::uint8_t> bytes,
                           std::vector<ColumnReference>& references) {
  ColumnReference& reference = references.emplace_back();
  Distribution& distribution = reference.distribution;
  MessageReader reader(bytes);
  while (reader.next()) {
    bool fine = true;
    switch (reader.number()) {
      case image::column_reference::kName:
        reference.name = reader.text();
        break;
      case image::column_reference::kEdges:
        fine = wire::append_doubles(reader, distribution.edges);
        break;
      case image::column_reference::kCounts:
        fine = wire::append_varints(reader, distribution.counts, std::identity());
        break;
      default:
        break;
    }
    if (!fine) return false;
  }
  return reader.ok();
}

bool read_rule(std::span<const std::uint8_t> bytes, RuleImage& read) {
  Rule& rule = read.rule;
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::rule::kId:
        rule.id = reader.text();
        break;
      case image::rule::kCondition:
        rule.condition = reader.bits32();
        break;
      case image::rule::kAction:
        rule.action = reader.bits32();
        break;
      case image::rule::kOnError:
        rule.on_error = reader.bits32();
        break;
      case image::rule::kReasonPlusOne:
        rule.reason = minus_one(reader);
        break;
      case image::rule::kStages:
        rule.stages = reader.bits32();
        break;
      case image::rule::kPlace:
        read.place = reader.bits32();
        break;
      case image::rule::kCapRegisterPlusOne:
        rule.cap_register = minus_one(reader);
        break;
      case image::rule::kReadsScores:
        rule.reads_scores = reader.bits() != 0;
        break;
      default:
        break;
    }
  }
  return reader.ok();
}

bool read_attribute(std::span<const std::uint8_t> bytes, Scorecard& card) {
  Scorecard::Attribute attribute;
  const std::size_t before = card.contributions.size();
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::scorecard_attribute::kName:
        attribute.name = reader.text();
        break;
      case image::scorecard_attribute::kPointsRegister:
        attribute.points_register = reader.bits32();
        break;
      case image::scorecard_attribute::kReferencePoints:
        attribute.reference_points = reader.number64();
        break;
      case image::scorecard_attribute::kContribution:
        if (!read_contribution(reader.payload(), card.contributions)) return false;
        break;
      default:
        break;
    }
  }
  card.attributes.push_back(std::move(attribute));
  return reader.ok() && card.contributions.size() == before + 1;
}

bool read_scorecard(std::span<const std::uint8_t> bytes, Scorecard& card) {
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::scorecard::kName:
        card.name = reader.text();
        break;
      case image::scorecard::kScoreRegister:
        card.score_register = reader.bits32();
        break;
      case image::scorecard::kProbabilityRegister:
        card.probability_register = reader.bits32();
        break;
      case image::scorecard::kBasePoints:
        card.base_points = reader.number64();
        break;
      case image::scorecard::kAttributes:
        if (!read_attribute(reader.payload(), card)) return false;
        break;
      default:
        break;
    }
  }
  return reader.ok();
}

bool read_exploration(std::span<const std::uint8_t> bytes, Exploration& exploration) {
  exploration.loss_given_default = 0.0;  // zeros are not on the wire
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::exploration::kRate:
        exploration.rate = reader.number64();
        break;
      case image::exploration::kBudgetFen:
        exploration.budget_fen = static_cast<std::int64_t>(reader.bits());
        break;
      case image::exploration::kEnd:
        exploration.end = reader.number64();
        break;
      case image::exploration::kAmountFen:
        exploration.amount_fen = static_cast<std::int64_t>(reader.bits());
        break;
      case image::exploration::kLossGivenDefault:
        exploration.loss_given_default = reader.number64();
        break;
      case image::exploration::kSalt:
        exploration.salt = reader.text();
        break;
      default:
        break;
    }
  }
  return reader.ok();
}

bool read_cutoffs(std::span<const std::uint8_t> bytes, Cutoffs& cutoffs) {
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::cutoffs::kByScore:
        cutoffs.by_score = reader.bits() != 0;
        break;
      case image::cutoffs::kApprove:
        cutoffs.approve = reader.number64();
        break;
      case image::cutoffs::kRefer:
        cutoffs.refer = reader.number64();
        break;
      case image::cutoffs::kReferAboveFen:
        cutoffs.refer_above_fen = static_cast<std::int64_t>(reader.bits());
        break;
      case image::cutoffs::kReferAboveReasonPlusOne:
        cutoffs.refer_above_reason = minus_one(reader);
        break;
      case image::cutoffs::kExploration:
        if (!read_exploration(reader.payload(), cutoffs.exploration.emplace())) return false;
        break;
      default:
        break;
    }
  }
  return reader.ok();
}

bool read_segment(std::span<const std::uint8_t> bytes, Segment& segment) {
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::segment::kName:
        segment.name = reader.text();
        break;
      case image::segment::kModelPlusOne:
        segment.model = minus_one(reader);
        break;
      case image::segment::kScorecardPlusOne:
        segment.scorecard = minus_one(reader);
        break;
      case image::segment::kCutoffs:
        if (!read_cutoffs(reader.payload(), segment.cutoffs.emplace())) return false;
        break;
      default:
        break;
    }
  }
  return reader.ok();
}

bool read_reason(std::span<const std::uint8_t> bytes, ReasonImage& reason) {
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::reason_text::kCode:
        reason.code = reader.text();
        break;
      case image::reason_text::kTextEn:
        reason.text_en = reader.text();
        break;
      case image::reason_text::kTextZh:
        reason.text_zh = reader.text();
        break;
      case image::reason_text::kGroup:
        reason.group = reader.bits32();
        break;
      case image::reason_text::kRank:
        reason.rank = reader.bits32();
        break;
      default:
        break;
    }
  }
  return reader.ok();
}

bool read_drawdown(std::span<const std::uint8_t> bytes, Drawdown& drawdown) {
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::drawdown::kMinimumReadingSeconds:
        drawdown.minimum_reading_seconds = static_cast<std::int32_t>(reader.bits32());
        break;
      case image::drawdown::kValidSeconds:
        drawdown.valid_seconds = static_cast<std::int32_t>(reader.bits32());
        break;
      case image::drawdown::kAction:
        drawdown.action = reader.bits32();
        break;
      case image::drawdown::kReason:
        drawdown.reason = reader.bits32();
        break;
      default:
        break;
    }
  }
  return reader.ok();
}

}  // namespace

bool read_model_image(std::span<const std::uint8_t> bytes, ModelImage& model) {
  MessageReader reader(bytes);
  while (reader.next()) {
    bool fine = true;
    switch (reader.number()) {
      case image::model_slot::kSlot:
        model.slot.slot = reader.text();
        break;
      case image::model_slot::kName:
        model.slot.name = reader.text();
        break;
      case image::model_slot::kVersion:
        model.slot.version = reader.text();
        break;
      case image::model_slot::kOnnx:
        model.onnx = reader.payload();
        break;
      case image::model_slot::kOutputColumn:
        model.output_column = reader.bits32();
        break;
      case image::model_slot::kNative:
        model.native = reader.payload();
        break;
      case image::model_slot::kInputs:
        fine = read_input(reader.payload(), model);
        break;
      case image::model_slot::kMarginOutput:
        model.margin_output = reader.text();
        break;
      case image::model_slot::kProbabilityOutput:
        model.probability_output = reader.text();
        break;
      case image::model_slot::kExplanation:
        model.explanation = reader.payload();
        break;
      case image::model_slot::kCalibration:
        fine = read_calibration(reader.payload(), model.slot.calibration);
        break;
      case image::model_slot::kScoreScale:
        fine = read_score_scale(reader.payload(), model.slot.score_scale);
        break;
      case image::model_slot::kContributions:
        fine = read_contribution(reader.payload(), model.slot.contributions);
        break;
      case image::model_slot::kProbabilityRegister:
        model.slot.probability_register = reader.bits32();
        break;
      case image::model_slot::kScoreRegister:
        model.slot.score_register = reader.bits32();
        break;
      case image::model_slot::kAlwaysRuns:
        model.slot.always_runs = reader.bits() != 0;
        break;
      case image::model_slot::kScoreEdges:
        fine = wire::append_doubles(reader, model.slot.score_reference.edges);
        break;
      case image::model_slot::kScoreCounts:
        fine = wire::append_varints(reader, model.slot.score_reference.counts, std::identity());
        break;
      case image::model_slot::kColumns:
        fine = read_column_reference(reader.payload(), model.slot.column_references);
        break;
      default:
        break;
    }
    if (!fine) return false;
  }
  return reader.ok();
}

std::vector<std::string> ModelImage::outputs() const {
  std::vector<std::string> names;
  for (const std::string& name : {margin_output, probability_output}) {
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

Result<models::Margin> ModelImage::margin(const models::Model& model) const {
  const auto refuse = [](const std::string& what) {
    return error(StatusCode::kFailedPrecondition, what);
  };
  if (outputs().size() != 1) return refuse("it gives neither a margin nor a probability, or both");
  const models::Tensor& output = model.outputs()[0];
  if (output.type != models::ElementType::kFloat && output.type != models::ElementType::kDouble) {
    return refuse("output " + output.name + " is of type " +
                  models::type_name(static_cast<int>(output.type)) + "; float or double is needed");
  }
  const bool is_probability = margin_output.empty();
  if (!output_column && output.width > (is_probability ? 2u : 1u)) {
    return refuse("output " + output.name + " has too many columns");
  }
  const auto last = static_cast<std::uint32_t>(output.width) - 1;
  const std::uint32_t column = output.width == 1 ? 0 : output_column.value_or(last);
  if (column > last) {
    return refuse("output " + output.name + " has no column " + std::to_string(column));
  }
  return models::Margin{column, is_probability};
}

bool read_release_image(std::span<const std::uint8_t> bytes, ReleaseImage& read) {
  MessageReader reader(bytes);
  while (reader.next()) {
    bool fine = true;
    switch (reader.number()) {
      case image::release_image::kFormat:
        read.format = reader.bits32();
        break;
      case image::release_image::kPolicy:
        read.policy = reader.text();
        break;
      case image::release_image::kPolicyVersion:
        read.policy_version = reader.text();
        break;
      case image::release_image::kContentHash:
        read.content_hash = reader.text();
        break;
      case image::release_image::kRow:
        read.row = reader.payload();
        break;
      case image::release_image::kProgram:
        read.program = reader.payload();
        break;
      case image::release_image::kModels:
        fine = read_model_image(reader.payload(), read.models.emplace_back());
        break;
      case image::release_image::kRules:
        fine = read_rule(reader.payload(), read.rules.emplace_back());
        break;
      case image::release_image::kSegments:
        fine = read_segment(reader.payload(), read.segments.emplace_back());
        break;
      case image::release_image::kReasons:
        fine = read_reason(reader.payload(), read.reasons.emplace_back());
        break;
      case image::release_image::kScorecards:
        fine = read_scorecard(reader.payload(), read.scorecards.emplace_back());
        break;
      case image::release_image::kSegmentRegisterPlusOne:
        read.segment_register = minus_one(reader);
        break;
      case image::release_image::kSkipRegisterPlusOne:
        read.skip_register = minus_one(reader);
        break;
      case image::release_image::kScoredRegisterPlusOne:
        read.scored_register = minus_one(reader);
        break;
      case image::release_image::kAmountSlotPlusOne:
        read.amount_slot = minus_one(reader);
        break;
      case image::release_image::kCustomerKeySlotPlusOne:
        read.customer_key_slot = minus_one(reader);
        break;
      case image::release_image::kDisclosureTexts:
        read.disclosure_texts = reader.payload();
        break;
      case image::release_image::kAnnualRateCap:
        read.annual_rate_cap = reader.number64();
        break;
      case image::release_image::kDrawdown:
        fine = read_drawdown(reader.payload(), read.drawdown.emplace());
        break;
      case image::release_image::kOfferPlan:
        read.offer_plan = reader.payload();
        break;
      default:
        break;
    }
    if (!fine) return false;
  }
  return reader.ok();
}

}  // namespace fenqi::engine
