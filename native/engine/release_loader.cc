// Release::load: from an image to a release that can answer.
#include <algorithm>

#include "engine/release.h"
#include "engine/response.h"
#include "fenqi/contract.h"
#include "wire/decode.h"
#include "wire/writer.h"

namespace fenqi::engine {
namespace {

namespace image = contract::internal;
using wire::MessageReader;
using wire::WireType;

constexpr std::uint32_t kFormat = 1;

Status refuse(const std::string& what) {
  return error(StatusCode::kFailedPrecondition, "release image: " + what);
}

// "Plus one" fields: 0 is none, which becomes kNone.
std::uint32_t minus_one(const MessageReader& reader) {
  return reader.bits32() - 1;
}

Bytes to_bytes(const wire::MessageWriter& writer) {
  return Bytes(writer.bytes().begin(), writer.bytes().end());
}

// A model as the image describes it, before its graph is loaded.
struct ModelImage {
  ModelSlot slot;
  std::span<const std::uint8_t> onnx;
  std::vector<models::Tensor> tensors;
  std::string margin_output;
  std::string probability_output;
  std::string contributions_output;
};

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
  std::uint32_t kind = 0;
  models::Calibration platt{0.0, 0.0};
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::calibration::kKind:
        kind = reader.bits32();
        break;
      case image::calibration::kA:
        platt.a = reader.number64();
        break;
      case image::calibration::kB:
        platt.b = reader.number64();
        break;
      default:
        break;
    }
  }
  if (kind > image::calibration::kind::kPlatt) return false;
  if (kind == image::calibration::kind::kPlatt) calibration = platt;
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

bool read_contribution(std::span<const std::uint8_t> bytes, ModelSlot& slot) {
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
  slot.contributions.push_back(contribution);
  return reader.ok();
}

bool read_model(std::span<const std::uint8_t> bytes, ModelImage& model) {
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
      case image::model_slot::kInputs:
        fine = read_input(reader.payload(), model);
        break;
      case image::model_slot::kMarginOutput:
        model.margin_output = reader.text();
        break;
      case image::model_slot::kProbabilityOutput:
        model.probability_output = reader.text();
        break;
      case image::model_slot::kContributionsOutput:
        model.contributions_output = reader.text();
        break;
      case image::model_slot::kCalibration:
        fine = read_calibration(reader.payload(), model.slot.calibration);
        break;
      case image::model_slot::kScoreScale:
        fine = read_score_scale(reader.payload(), model.slot.score_scale);
        break;
      case image::model_slot::kContributions:
        fine = read_contribution(reader.payload(), model.slot);
        break;
      case image::model_slot::kBaseMargin:
        model.slot.base_margin = reader.number64();
        break;
      case image::model_slot::kProbabilityRegisterPlusOne:
        model.slot.probability_register = minus_one(reader);
        break;
      case image::model_slot::kScoreRegisterPlusOne:
        model.slot.score_register = minus_one(reader);
        break;
      default:
        break;
    }
    if (!fine) return false;
  }
  return reader.ok();
}

bool read_rule(std::span<const std::uint8_t> bytes, Rule& rule, std::uint32_t& place) {
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
        place = reader.bits32();
        break;
      default:
        break;
    }
  }
  return reader.ok();
}

}  // namespace

class ReleaseLoader {
 public:
  explicit ReleaseLoader(std::shared_ptr<const models::OnnxRuntime> runtime)
      : runtime_(std::move(runtime)), release_(new Release()) {}

  Result<std::shared_ptr<const Release>> load(std::span<const std::uint8_t> bytes) {
    if (!read(bytes)) return refuse("damaged bytes");
    if (format_ != kFormat) {
      return refuse("format " + std::to_string(format_) +
                    " is not known; compile the policy again");
    }
    auto row = wire::RowTable::parse(row_bytes_);
    if (!row.ok()) return row.status();
    release_->row_ = std::move(row.value());
    auto program =
        program::Program::parse(program_bytes_, release_->row_.slot_kinds(), model_registers());
    if (!program.ok()) return program.status();
    release_->program_ = std::move(program.value());
    if (Status s = check_slots(); !s.ok()) return s;
    for (ModelImage& model : models_) {
      if (Status s = load_model(model); !s.ok()) return s;
    }
    for (std::size_t i = 0; i < release_->rules_.size(); ++i) {
      if (Status s = finish_rule(release_->rules_[i], rule_places_[i]); !s.ok()) return s;
    }
    encode_release();
    return std::shared_ptr<const Release>(std::move(release_));
  }

 private:
  bool read(std::span<const std::uint8_t> bytes) {
    MessageReader reader(bytes);
    while (reader.next()) {
      switch (reader.number()) {
        case image::release_image::kFormat:
          format_ = reader.bits32();
          break;
        case image::release_image::kPolicy:
          release_->policy_ = reader.text();
          break;
        case image::release_image::kPolicyVersion:
          release_->policy_version_ = reader.text();
          break;
        case image::release_image::kContentHash:
          release_->content_hash_ = reader.text();
          break;
        case image::release_image::kRow:
          row_bytes_ = reader.payload();
          break;
        case image::release_image::kProgram:
          program_bytes_ = reader.payload();
          break;
        case image::release_image::kModels:
          if (!read_model(reader.payload(), models_.emplace_back())) return false;
          break;
        case image::release_image::kRules:
          if (!read_rule(reader.payload(), release_->rules_.emplace_back(),
                         rule_places_.emplace_back())) {
            return false;
          }
          break;
        case image::release_image::kCutoffs:
          if (!read_cutoffs(reader.payload())) return false;
          break;
        case image::release_image::kReasons:
          if (!read_reason(reader.payload())) return false;
          break;
        default:
          break;
      }
    }
    return reader.ok();
  }

  bool read_cutoffs(std::span<const std::uint8_t> bytes) {
    release_->has_cutoffs_ = true;
    release_->cutoffs_ = {0.0, 0.0};  // zeros are not on the wire
    MessageReader reader(bytes);
    while (reader.next()) {
      switch (reader.number()) {
        case image::cutoffs::kApproveAtMost:
          release_->cutoffs_.approve_at_most = reader.number64();
          break;
        case image::cutoffs::kReferAtMost:
          release_->cutoffs_.refer_at_most = reader.number64();
          break;
        default:
          break;
      }
    }
    return reader.ok();
  }

  bool read_reason(std::span<const std::uint8_t> bytes) {
    std::string_view code;
    std::string_view text_en;
    std::string_view text_zh;
    MessageReader reader(bytes);
    while (reader.next()) {
      switch (reader.number()) {
        case image::reason_text::kCode:
          code = reader.text();
          break;
        case image::reason_text::kTextEn:
          text_en = reader.text();
          break;
        case image::reason_text::kTextZh:
          text_zh = reader.text();
          break;
        default:
          break;
      }
    }
    wire::MessageWriter writer;
    const auto reason = writer.begin(contract::score_response::kReasons);
    writer.string(contract::reason::kCode, code);
    writer.string(contract::reason::kTextEn, text_en);
    writer.string(contract::reason::kTextZh, text_zh);
    writer.end(reason);
    release_->reasons_.push_back(to_bytes(writer));
    reason_codes_.emplace_back(code);
    return reader.ok();
  }

  std::vector<std::uint32_t> model_registers() const {
    std::vector<std::uint32_t> registers;
    for (const ModelImage& model : models_) {
      for (const std::uint32_t r : {model.slot.probability_register, model.slot.score_register}) {
        if (r != kNone) registers.push_back(r);
      }
    }
    return registers;
  }

  Status check_slots() const {
    const wire::RowTable& row = release_->row_;
    if (row.slot_kinds()[row.request_id_slot()] != Kind::kString ||
        row.slot_kinds()[row.stage_slot()] != Kind::kInt) {
      return refuse("request_id or stage has a slot of another kind");
    }
    if (release_->has_cutoffs_ && models_.empty()) return refuse("cut-offs without a model");
    return {};
  }

  bool fits_tensor(models::ElementType type, std::uint32_t register_index) const {
    const program::Program& program = release_->program_;
    if (!program.is_written_before_models(register_index)) return false;
    const Kind kind = program.kind_of(register_index);
    switch (type) {
      case models::ElementType::kFloat:
        return kind == Kind::kBool || kind == Kind::kInt || kind == Kind::kUint ||
               kind == Kind::kDouble || kind == Kind::kNone;
      case models::ElementType::kInt64:
        return kind == Kind::kInt || kind == Kind::kBool || kind == Kind::kNone;
      default:
        return kind == Kind::kString || kind == Kind::kNone;
    }
  }

  Status load_model(ModelImage& image) {
    ModelSlot& slot = image.slot;
    const auto bad = [&](const std::string& what) {
      return refuse("model " + slot.name + "/" + slot.version + ": " + what);
    };
    if (runtime_ == nullptr) return bad("onnxruntime is needed to run it");
    for (std::size_t i = 0; i < slot.inputs.size(); ++i) {
      for (const std::uint32_t r : slot.inputs[i].registers) {
        if (!fits_tensor(image.tensors[i].type, r)) {
          return bad("input " + image.tensors[i].name + " is fed from a register of another kind");
        }
      }
    }
    slot.gives_probability = image.margin_output.empty();
    std::vector<std::string> outputs = {slot.gives_probability ? image.probability_output
                                                               : image.margin_output};
    if (!image.contributions_output.empty()) outputs.push_back(image.contributions_output);
    auto model = models::OnnxModel::load(runtime_, image.onnx, std::move(image.tensors), outputs);
    if (!model.ok()) return bad(model.status().message);
    slot.model = model.value();
    if (slot.model->outputs()[0].width > (slot.gives_probability ? 2u : 1u)) {
      return bad("output " + outputs[0] + " has too many columns");
    }
    const std::size_t explained = outputs.size() == 2 ? slot.model->outputs()[1].width : 0;
    if (explained != slot.contributions.size()) {
      return bad("the graph explains " + std::to_string(explained) + " inputs, the image " +
                 std::to_string(slot.contributions.size()));
    }
    for (const Contribution& contribution : slot.contributions) {
      if (contribution.reason != kNone && contribution.reason >= release_->reasons_.size()) {
        return bad("a contribution points to no reason");
      }
    }
    release_->models_.push_back(std::move(slot));
    return {};
  }

  Status finish_rule(Rule& rule, std::uint32_t place) {
    const program::Program& program = release_->program_;
    if (!program.is_written(rule.condition)) return refuse("rule " + rule.id + " has no condition");
    if (program.kind_of(rule.condition) != Kind::kBool &&
        program.kind_of(rule.condition) != Kind::kNone) {
      return refuse("rule " + rule.id + ": its condition is not true or false");
    }
    if (rule.action > contract::rule_action::kDecline ||
        rule.on_error > contract::rule_action::kDecline) {
      return refuse("rule " + rule.id + ": unknown action");
    }
    if (rule.reason != kNone && rule.reason >= release_->reasons_.size()) {
      return refuse("rule " + rule.id + " points to no reason");
    }
    if (place >= program.places().size()) return refuse("rule " + rule.id + " has no place");
    const program::Place& at = program.places()[place];
    rule.place = at.file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
    rule.reason_code = rule.reason == kNone ? "" : reason_codes_[rule.reason];
    rule.hit_when_true = encode_hit(rule, rule.action, contract::rule_cause::kTrue, {});
    rule.hit_when_missing = encode_hit(rule, rule.on_error, contract::rule_cause::kMissing,
                                       "data is missing for the rule at " + rule.place);
    return {};
  }

  static Bytes encode_hit(const Rule& rule, std::uint32_t action, std::uint32_t cause,
                          std::string_view detail) {
    wire::MessageWriter writer;
    write_hit(writer, rule, action, cause, detail);
    return to_bytes(writer);
  }

  void encode_release() {
    wire::MessageWriter writer;
    const auto release = writer.begin(contract::score_response::kRelease);
    writer.string(contract::release::kPolicy, release_->policy_);
    writer.string(contract::release::kPolicyVersion, release_->policy_version_);
    for (const ModelSlot& slot : release_->models_) {
      const auto model = writer.begin(contract::release::kModels);
      writer.string(contract::model_version::kSlot, slot.slot);
      writer.string(contract::model_version::kName, slot.name);
      writer.string(contract::model_version::kVersion, slot.version);
      writer.end(model);
    }
    writer.string(contract::release::kContentHash, release_->content_hash_);
    writer.end(release);
    release_->encoded_release_ = to_bytes(writer);
  }

  std::shared_ptr<const models::OnnxRuntime> runtime_;
  std::shared_ptr<Release> release_;
  std::uint32_t format_ = 0;
  std::span<const std::uint8_t> row_bytes_;
  std::span<const std::uint8_t> program_bytes_;
  std::vector<ModelImage> models_;
  std::vector<std::uint32_t> rule_places_;
  std::vector<std::string> reason_codes_;
};

Result<std::shared_ptr<const Release>> Release::load(
    std::span<const std::uint8_t> image, std::shared_ptr<const models::OnnxRuntime> runtime) {
  return ReleaseLoader(std::move(runtime)).load(image);
}

}  // namespace fenqi::engine
