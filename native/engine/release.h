// A release: one policy and its models, compiled, immutable, named by a content hash.
//
// Loaded from the bytes of a fenqi.internal.v1.ReleaseImage, shared by all threads, freed when the
// last request that began with it is done. Loading validates every index, so that a damaged image
// is refused here and cannot hurt a request later.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "models/onnx_model.h"
#include "models/probability.h"
#include "program/program.h"
#include "wire/row_reader.h"

namespace fenqi::engine {

using Bytes = std::vector<std::uint8_t>;

// Marks "none" in an index.
inline constexpr std::uint32_t kNone = UINT32_MAX;

// Registers that feed one input tensor, one a column.
struct InputBinding {
  std::vector<std::uint32_t> registers;
  std::int64_t missing_int = 0;
};

// What a column of a model's contributions stands for.
struct Contribution {
  std::uint32_t reason = kNone;  // index into Release::reasons
  std::uint32_t dimension = 0;   // fenqi.v1.Dimension
};

// A model in its slot of the policy.
struct ModelSlot {
  std::string slot;
  std::string name;
  std::string version;
  std::shared_ptr<const models::OnnxModel> model;
  std::vector<InputBinding> inputs;
  // Output 0 of the model is the margin (log-odds of default) or, where `gives_probability`, the
  // probability; output 1, where `contributions` is not empty, explains it.
  bool gives_probability = false;
  std::vector<Contribution> contributions;
  double base_margin = 0.0;
  models::Calibration calibration;
  models::ScoreScale score_scale;
  std::uint32_t probability_register = kNone;
  std::uint32_t score_register = kNone;
};

struct Rule {
  std::string id;
  std::uint32_t condition = 0;
  std::uint32_t action = 0;    // fenqi.v1.RuleAction
  std::uint32_t on_error = 0;  // fenqi.v1.RuleAction, 0: nothing happens
  std::uint32_t reason = kNone;
  std::uint32_t stages = 0;  // bit s: holds at fenqi.v1.Stage s
  std::string reason_code;   // of `reason`; empty where there is none
  std::string place;         // "policies/x.yaml:12:5"
  // The hit as it stands in an answer (field ScoreResponse.rule_hits), written once at load.
  Bytes hit_when_true;
  Bytes hit_when_missing;
};

// From the deciding model's probability of default to a decision.
struct Cutoffs {
  double approve_at_most = 1.0;
  double refer_at_most = 1.0;
};

class Release {
 public:
  // Fails with FAILED_PRECONDITION and a sentence that says what is wrong with the image or with
  // which model. `runtime` may be null for a release without models.
  static Result<std::shared_ptr<const Release>> load(
      std::span<const std::uint8_t> image, std::shared_ptr<const models::OnnxRuntime> runtime);

  const std::string& policy() const { return policy_; }
  const std::string& policy_version() const { return policy_version_; }
  const std::string& content_hash() const { return content_hash_; }

  const wire::RowTable& row() const { return row_; }
  const program::Program& program() const { return program_; }
  // The first one decides.
  std::span<const ModelSlot> models() const { return models_; }
  std::span<const Rule> rules() const { return rules_; }
  // Null where the policy decides by rules alone.
  const Cutoffs* cutoffs() const { return has_cutoffs_ ? &cutoffs_ : nullptr; }

  // Parts of an answer that are the same every time, with their tags.
  std::span<const std::uint8_t> encoded_release() const { return encoded_release_; }
  std::span<const std::uint8_t> encoded_reason(std::uint32_t i) const { return reasons_[i]; }
  std::size_t reason_count() const { return reasons_.size(); }

 private:
  friend class ReleaseLoader;
  Release() = default;

  std::string policy_;
  std::string policy_version_;
  std::string content_hash_;
  wire::RowTable row_;
  program::Program program_;
  std::vector<ModelSlot> models_;
  std::vector<Rule> rules_;
  bool has_cutoffs_ = false;
  Cutoffs cutoffs_;
  std::vector<Bytes> reasons_;
  Bytes encoded_release_;
};

}  // namespace fenqi::engine
