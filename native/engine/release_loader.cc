// Release::load: from an image to a release that can answer.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/release.h"
#include "engine/release_image.h"
#include "engine/response.h"
#include "fenqi/contract.h"
#include "wire/writer.h"

namespace fenqi::engine {
namespace {

constexpr std::uint32_t kFormat = 2;

Status refuse(const std::string& what) {
  return error(StatusCode::kFailedPrecondition, "release image: " + what);
}

Bytes to_bytes(const wire::MessageWriter& writer) {
  return Bytes(writer.bytes().begin(), writer.bytes().end());
}

}  // namespace

class ReleaseLoader {
 public:
  explicit ReleaseLoader(std::shared_ptr<const models::OnnxRuntime> runtime)
      : runtime_(std::move(runtime)), release_(new Release()) {}

  Result<std::shared_ptr<const Release>> load(std::span<const std::uint8_t> bytes) {
    if (!read_release_image(bytes, image_)) return refuse("damaged bytes");
    if (image_.format != kFormat) {
      return refuse("format " + std::to_string(image_.format) +
                    " is not known; compile the policy again");
    }
    release_->policy_ = std::move(image_.policy);
    release_->policy_version_ = std::move(image_.policy_version);
    release_->content_hash_ = std::move(image_.content_hash);
    auto row = wire::RowTable::parse(image_.row);
    if (!row.ok()) return row.status();
    release_->row_ = std::move(row.value());
    auto program = program::Program::parse(image_.program, release_->row_.slot_kinds(),
                                           registers_written_by_core());
    if (!program.ok()) return program.status();
    release_->program_ = std::move(program.value());
    if (Status s = take_registers(); !s.ok()) return s;
    if (Status s = load_reasons(); !s.ok()) return s;
    for (ModelImage& model : image_.models) {
      if (Status s = load_model(model); !s.ok()) return s;
    }
    for (Scorecard& card : image_.scorecards) {
      if (Status s = load_scorecard(card); !s.ok()) return s;
    }
    for (RuleImage& rule : image_.rules) {
      if (Status s = load_rule(rule); !s.ok()) return s;
    }
    for (Segment& segment : image_.segments) {
      if (Status s = load_segment(segment); !s.ok()) return s;
    }
    for (Segment& segment : release_->segments_) segment.route = route_of(segment.model);
    release_->route_without_segment_ = route_of(kNone);
    release_->route_unscored_.encoded_release = encode_release({});
    if (Status s = take_quoting(); !s.ok()) return s;
    if (Status s = take_offer_plan(); !s.ok()) return s;
    return std::shared_ptr<const Release>(std::move(release_));
  }

 private:
  // Registers that no instruction writes: the models' outputs, and whether anybody is scored.
  std::vector<program::CoreRegister> registers_written_by_core() const {
    std::vector<program::CoreRegister> registers;
    for (const ModelImage& model : image_.models) {
      registers.push_back({model.slot.probability_register, Kind::kDouble});
      registers.push_back({model.slot.score_register, Kind::kDouble});
    }
    if (image_.scored_register != kNone) registers.push_back({image_.scored_register, Kind::kBool});
    return registers;
  }

  bool holds(std::uint32_t register_index, Kind kind) const {
    const program::Program& program = release_->program_;
    if (!program.is_written(register_index)) return false;
    const Kind found = program.kind_of(register_index);
    return found == kind || found == Kind::kNone;
  }

  bool is_slot_of(std::uint32_t slot, Kind kind) const {
    if (slot == kNone) return true;
    const auto kinds = release_->row_.slot_kinds();
    return slot < kinds.size() && (kinds[slot] == kind || kinds[slot] == Kind::kNone);
  }

  Status take_registers() {
    const wire::RowTable& row = release_->row_;
    if (row.slot_kinds()[row.request_id_slot()] != Kind::kString ||
        row.slot_kinds()[row.stage_slot()] != Kind::kInt) {
      return refuse("request_id or stage has a slot of another kind");
    }
    if (!is_slot_of(image_.amount_slot, Kind::kInt) ||
        !is_slot_of(image_.customer_key_slot, Kind::kString)) {
      return refuse("the loan's amount or the customer's key has a slot of another kind");
    }
    release_->amount_slot_ = image_.amount_slot;
    release_->customer_key_slot_ = image_.customer_key_slot;
    const program::Program& program = release_->program_;
    for (const auto& [register_index, kind] : {std::pair(image_.segment_register, Kind::kInt),
                                               std::pair(image_.skip_register, Kind::kBool)}) {
      if (register_index == kNone) continue;
      if (!holds(register_index, kind) || !program.is_written_before_models(register_index)) {
        return refuse("segment or hard rules are not known before the models run");
      }
    }
    release_->segment_register_ = image_.segment_register;
    release_->skip_register_ = image_.skip_register;
    release_->scored_register_ = image_.scored_register;
    return {};
  }

  Status take_quoting() {
    auto texts = quoting::DisclosureTexts::parse(image_.disclosure_texts);
    if (!texts.ok()) return texts.status();
    release_->disclosure_texts_ = std::move(texts.value());
    if (image_.annual_rate_cap && !(*image_.annual_rate_cap > 0.0)) {
      return refuse("the cap on yearly cost is not positive");
    }
    release_->annual_rate_cap_ = image_.annual_rate_cap;
    if (auto& drawdown = image_.drawdown; drawdown) {
      namespace action = contract::rule_action;
      if (drawdown->minimum_reading_seconds < 0 || drawdown->valid_seconds < 0 ||
          drawdown->reason >= release_->reasons_.size() ||
          (drawdown->action != action::kRefer && drawdown->action != action::kDecline)) {
        return refuse("what a drawdown needs makes no sense");
      }
      if (release_->row_.decided_at_slot() == kNone) return refuse("a drawdown needs the time");
      drawdown->reason_code = image_.reasons[drawdown->reason].code;
    }
    release_->drawdown_ = image_.drawdown;
    return {};
  }

  Status take_offer_plan() {
    if (!image_.offer_plan) return {};
    auto parsed = OfferPlan::parse(*image_.offer_plan);
    if (!parsed.ok()) return parsed.status();
    const OfferPlan& plan = *parsed.value();
    const auto fits = [&](std::uint32_t register_index, Kind kind) {
      return register_index == kNone || holds(register_index, kind);
    };
    bool held = fits(plan.income_register, Kind::kInt) &&
                fits(plan.debt_service_register, Kind::kInt) &&
                fits(plan.income_multiple_register, Kind::kDouble) &&
                (!plan.ladder || holds(plan.ladder->reached_register, Kind::kInt));
    for (const LentProduct& product : plan.products) {
      held = held && fits(product.eligible_register, Kind::kBool);
    }
    if (!held) return refuse("offers rest on a register of another kind");
    if (plan.product_slot == kNone || plan.term_months_slot == kNone ||
        plan.repayment_method_slot == kNone || release_->amount_slot_ == kNone ||
        !is_slot_of(plan.product_slot, Kind::kString) ||
        !is_slot_of(plan.term_months_slot, Kind::kInt) ||
        !is_slot_of(plan.repayment_method_slot, Kind::kInt)) {
      return refuse("what a loan is asked for with has no slot, or one of another kind");
    }
    if (release_->row_.decided_at_slot() == kNone) return refuse("offers need the time");
    if (!std::all_of(plan.reasons.begin(), plan.reasons.end(),
                     [&](std::uint32_t reason) { return is_reason(reason); })) {
      return refuse("a limit points to no reason");
    }
    if (release_->annual_rate_cap_ && plan.lending.price.cap > *release_->annual_rate_cap_) {
      return refuse("offers may cost more a year than the cap");
    }
    release_->offer_plan_ = std::move(parsed.value());
    return {};
  }

  Status load_reasons() {
    for (std::uint32_t i = 0; i < image_.reasons.size(); ++i) {
      const ReasonImage& reason = image_.reasons[i];
      if (reason.group > i || image_.reasons[reason.group].group != reason.group) {
        return refuse("a reason's group is no reason");
      }
      wire::MessageWriter writer;
      const auto mark = writer.begin(contract::score_response::kReasons);
      writer.string(contract::reason::kCode, reason.code);
      writer.string(contract::reason::kTextEn, reason.text_en);
      writer.string(contract::reason::kTextZh, reason.text_zh);
      writer.end(mark);
      release_->reasons_.push_back({reason.group, to_bytes(writer)});
    }
    std::vector<std::uint32_t>& order = release_->reasons_by_rank_;
    order.resize(image_.reasons.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::pair(image_.reasons[a].rank, a) < std::pair(image_.reasons[b].rank, b);
    });
    return {};
  }

  bool is_reason(std::uint32_t reason) const {
    return reason == kNone || reason < release_->reasons_.size();
  }

  bool are_reasons(const std::vector<Contribution>& contributions) const {
    return std::all_of(contributions.begin(), contributions.end(),
                       [&](const Contribution& part) { return is_reason(part.reason); });
  }

  bool fits_tensor(models::ElementType type, std::uint32_t register_index) const {
    const program::Program& program = release_->program_;
    if (!program.is_written_before_models(register_index)) return false;
    const Kind kind = program.kind_of(register_index);
    switch (type) {
      case models::ElementType::kFloat:
      case models::ElementType::kDouble:
        return kind == Kind::kBool || kind == Kind::kInt || kind == Kind::kUint ||
               kind == Kind::kDouble || kind == Kind::kNone;
      case models::ElementType::kInt64:
      case models::ElementType::kBool:
        return kind == Kind::kInt || kind == Kind::kBool || kind == Kind::kNone;
      default:
        return kind == Kind::kString || kind == Kind::kNone;
    }
  }

  // `extra`: bins beside those that the edges make.
  static bool is_distribution(const Distribution& of, std::size_t extra) {
    if (of.counts.empty()) return of.edges.empty();
    return of.counts.size() == of.edges.size() + 1 + extra &&
           std::all_of(of.edges.begin(), of.edges.end(),
                       [](double e) { return std::isfinite(e); }) &&
           std::is_sorted(of.edges.begin(), of.edges.end());
  }

  // Whether live scores and columns can be counted in the slot's references.
  static bool are_references(const ModelSlot& slot) {
    if (!is_distribution(slot.score_reference, 0)) return false;
    if (slot.column_references.empty()) return true;
    std::size_t column = 0;
    for (std::size_t i = 0; i < slot.inputs.size(); ++i) {
      const bool is_text = slot.model->inputs()[i].type == models::ElementType::kString;
      for (std::size_t c = 0; c < slot.inputs[i].registers.size(); ++c, ++column) {
        if (column == slot.column_references.size()) return false;
        const Distribution& of = slot.column_references[column].distribution;
        if (!is_distribution(of, 1) || (is_text && !of.counts.empty())) return false;
      }
    }
    return column == slot.column_references.size();
  }

  Status load_model(ModelImage& image) {
    ModelSlot& slot = image.slot;
    const auto bad = [&](const std::string& what) {
      return refuse("model " + slot.name + "/" + slot.version + ": " + what);
    };
    for (std::size_t i = 0; i < slot.inputs.size(); ++i) {
      for (const std::uint32_t r : slot.inputs[i].registers) {
        if (!fits_tensor(image.tensors[i].type, r)) {
          return bad("input " + image.tensors[i].name + " is fed from a register of another kind");
        }
      }
    }
    auto model = models::Model::load(
        {image.native, image.onnx, std::move(image.tensors), image.outputs()}, runtime_);
    if (!model.ok()) return bad(model.status().message);
    slot.model = model.value();
    const auto margin = image.margin(*slot.model);
    if (!margin.ok()) return bad(margin.status().message);
    slot.margin = margin.value();
    if (image.explanation) {
      auto explanation = models::Explanation::load(*image.explanation, slot.model, slot.margin);
      if (!explanation.ok()) return bad(explanation.status().message);
      slot.explanation = std::move(explanation.value());
    }
    const std::size_t explained = slot.explanation ? slot.explanation->part_count() : 0;
    if (explained != slot.contributions.size()) {
      return bad("it explains " + std::to_string(explained) + " columns, the image " +
                 std::to_string(slot.contributions.size()));
    }
    if (!are_reasons(slot.contributions)) return bad("a contribution points to no reason");
    if (!slot.calibration.is_valid()) return bad("its calibration is no ascending curve");
    if (!are_references(slot)) return bad("the reference of its scores or columns makes no sense");
    release_->models_.push_back(std::move(slot));
    return {};
  }

  Status load_scorecard(Scorecard& card) {
    const auto bad = [&](const char* what) {
      return refuse("scorecard " + card.name + ": " + what);
    };
    if (!holds(card.score_register, Kind::kDouble) ||
        !holds(card.probability_register, Kind::kDouble)) {
      return bad("it gives no score");
    }
    for (const Scorecard::Attribute& attribute : card.attributes) {
      if (!holds(attribute.points_register, Kind::kDouble))
        return bad("an attribute has no points");
    }
    if (!are_reasons(card.contributions)) return bad("an attribute points to no reason");
    release_->scorecards_.push_back(std::move(card));
    return {};
  }

  Status load_rule(RuleImage& image) {
    Rule& rule = image.rule;
    const auto bad = [&](const char* what) { return refuse("rule " + rule.id + what); };
    if (!holds(rule.condition, Kind::kBool)) return bad(": its condition is not true or false");
    if (rule.action > contract::rule_action::kCap ||
        rule.on_error > contract::rule_action::kDecline) {
      return bad(": unknown action");
    }
    if (rule.action == contract::rule_action::kCap ? !holds(rule.cap_register, Kind::kInt)
                                                   : rule.cap_register != kNone) {
      return bad(": a cap and its amount belong together");
    }
    if (!is_reason(rule.reason)) return bad(" points to no reason");
    const auto places = release_->program_.places();
    if (image.place >= places.size()) return bad(" has no place");
    const program::Place& at = places[image.place];
    rule.place = at.file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
    if (rule.reason != kNone) rule.reason_code = image_.reasons[rule.reason].code;
    rule.hit_when_true = encode_hit(rule, rule.action, contract::rule_cause::kTrue, {});
    rule.hit_when_missing = encode_hit(rule, rule.on_error, contract::rule_cause::kMissing,
                                       "data is missing for the rule at " + rule.place);
    release_->rules_.push_back(std::move(rule));
    return {};
  }

  static Bytes encode_hit(const Rule& rule, std::uint32_t action, std::uint32_t cause,
                          std::string_view detail) {
    wire::MessageWriter writer;
    write_hit(writer, {rule.id, rule.reason_code, detail}, action, cause);
    return to_bytes(writer);
  }

  Status load_segment(Segment& segment) {
    const auto bad = [&](const char* what) {
      return refuse("segment " + segment.name + ": " + what);
    };
    if (segment.model != kNone && segment.scorecard != kNone) return bad("two are to decide");
    if (segment.model != kNone) {
      if (segment.model >= release_->models_.size()) return bad("no such model");
      segment.decided_by = release_->models_[segment.model].slot;
    } else if (segment.scorecard != kNone) {
      if (segment.scorecard >= release_->scorecards_.size()) return bad("no such scorecard");
      segment.decided_by = release_->scorecards_[segment.scorecard].name;
    } else if (segment.cutoffs) {
      return bad("cut-offs without a model or scorecard");
    }
    if (segment.cutoffs && segment.cutoffs->refer_above_reason != kNone) {
      if (segment.cutoffs->refer_above_reason >= image_.reasons.size()) {
        return bad("its sub-limit points to no reason");
      }
      segment.cutoffs->refer_above_reason_code =
          image_.reasons[segment.cutoffs->refer_above_reason].code;
    }
    if (segment.cutoffs && segment.cutoffs->exploration) {
      Exploration& exploration = *segment.cutoffs->exploration;
      exploration.salt += ':';
      // Spelled so that NaN is refused.
      if (!(exploration.rate >= 0.0 && exploration.rate <= 1.0) || exploration.amount_fen <= 0 ||
          exploration.budget_fen <= 0 ||
          !(exploration.loss_given_default > 0.0 && exploration.loss_given_default <= 1.0) ||
          release_->customer_key_slot_ == kNone) {
        return bad("exploration needs a rate, a budget, an amount and the customer's key");
      }
      release_->explores_ = true;
    }
    release_->segments_.push_back(std::move(segment));
    return {};
  }

  // The models that run where `deciding` (kNone: no model) decides.
  Route route_of(std::uint32_t deciding) const {
    Route route;
    for (std::uint32_t i = 0; i < release_->models_.size(); ++i) {
      if (i == deciding || release_->models_[i].always_runs) route.models.push_back(i);
    }
    route.encoded_release = encode_release(route.models);
    return route;
  }

  Bytes encode_release(const std::vector<std::uint32_t>& models) const {
    wire::MessageWriter writer;
    const auto release = writer.begin(contract::score_response::kRelease);
    writer.string(contract::release::kPolicy, release_->policy_);
    writer.string(contract::release::kPolicyVersion, release_->policy_version_);
    for (const std::uint32_t i : models) {
      const ModelSlot& slot = release_->models_[i];
      const auto model = writer.begin(contract::release::kModels);
      writer.string(contract::model_version::kSlot, slot.slot);
      writer.string(contract::model_version::kName, slot.name);
      writer.string(contract::model_version::kVersion, slot.version);
      writer.end(model);
    }
    writer.string(contract::release::kContentHash, release_->content_hash_);
    writer.end(release);
    return to_bytes(writer);
  }

  std::shared_ptr<const models::OnnxRuntime> runtime_;
  std::shared_ptr<Release> release_;
  ReleaseImage image_;
};

Result<std::shared_ptr<const Release>> Release::load(
    std::span<const std::uint8_t> image, std::shared_ptr<const models::OnnxRuntime> runtime) {
  return ReleaseLoader(std::move(runtime)).load(image);
}

}  // namespace fenqi::engine
