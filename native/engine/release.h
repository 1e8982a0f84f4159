// A release: one policy and its models, compiled, immutable, named by a content hash.
//
// Loaded from the bytes of a fenqi.internal.v1.ReleaseImage, shared by all threads, freed when the
// last request that began with it is done. Loading validates every index, so that a damaged image
// is refused here and cannot hurt a request later.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/offer_plan.h"
#include "models/explanation.h"
#include "models/margin.h"
#include "models/model.h"
#include "models/probability.h"
#include "program/program.h"
#include "quoting/texts.h"
#include "wire/row_reader.h"

namespace fenqi::engine {

using Bytes = std::vector<std::uint8_t>;

// Marks "none" in an index.
inline constexpr std::uint32_t kNone = UINT32_MAX;

// Registers that feed one input tensor, one a column.
struct InputBinding {
  std::vector<std::uint32_t> registers;
  // Of an int64 or bool tensor. Nothing: without the value the model says nothing.
  std::optional<std::int64_t> missing_int;
};

// What a column of a model, or an attribute of a scorecard, stands for.
struct Contribution {
  std::uint32_t reason = kNone;  // index into Release::reasons
  std::uint32_t dimension = 0;   // fenqi.v1.Dimension
};

// How something was distributed where the model was made.
struct Distribution {
  std::vector<double> edges;          // ascending; what equals one counts above it
  std::vector<std::uint64_t> counts;  // one more than edges; none: nothing is known
};

struct ColumnReference {
  std::string name;
  Distribution distribution;  // `counts` has one more at its end, of values that are missing
};

// A model in its slot of the policy.
struct ModelSlot {
  std::string slot;
  std::string name;
  std::string version;
  std::shared_ptr<const models::Model> model;
  std::vector<InputBinding> inputs;
  models::Margin margin;
  // Null where it explains nothing; then there are no contributions either.
  std::shared_ptr<const models::Explanation> explanation;
  std::vector<Contribution> contributions;  // one a part of the explanation
  models::Calibration calibration;
  models::ScoreScale score_scale;
  std::uint32_t probability_register = 0;
  std::uint32_t score_register = 0;
  // Something besides the cut-offs reads its outputs: it runs for every segment.
  bool always_runs = false;
  // What live scores and columns are compared with; `column_references` is empty, or has one for
  // each register of `inputs`, in order.
  Distribution score_reference;
  std::vector<ColumnReference> column_references;
};

// A scorecard; its arithmetic is in the program.
struct Scorecard {
  struct Attribute {
    std::string name;
    std::uint32_t points_register = 0;
    double reference_points = 0.0;
  };

  std::string name;
  std::uint32_t score_register = 0;
  std::uint32_t probability_register = 0;
  double base_points = 0.0;
  std::vector<Attribute> attributes;
  std::vector<Contribution> contributions;  // one an attribute
};

struct Rule {
  std::string id;
  std::uint32_t condition = 0;
  std::uint32_t action = 0;    // fenqi.v1.RuleAction
  std::uint32_t on_error = 0;  // fenqi.v1.RuleAction, 0: nothing happens
  std::uint32_t reason = kNone;
  std::uint32_t stages = 0;            // bit s: holds at fenqi.v1.Stage s
  std::uint32_t cap_register = kNone;  // for the action CAP: most that may be lent, fen
  bool reads_scores = false;           // is not asked where nobody is scored
  std::string reason_code;             // of `reason`; empty where there is none
  std::string place;                   // "policies/x.yaml:12:5"
  // The hit as it stands in an answer (field ScoreResponse.rule_hits), written once at load.
  // A cap's is written for each answer.
  Bytes hit_when_true;
  Bytes hit_when_missing;
};

// Approvals at random in the band between the cut-off for approval and `end`.
struct Exploration {
  double rate = 0.0;
  std::int64_t budget_fen = 0;
  double end = 0.0;
  std::int64_t amount_fen = 0;
  double loss_given_default = 1.0;
  std::string salt;  // with a colon at its end
};

// From the deciding score or probability of default to a decision.
struct Cutoffs {
  bool by_score = false;
  double approve = 0.0;
  double refer = 0.0;
  std::int64_t refer_above_fen = 0;  // 0: no such limit
  std::uint32_t refer_above_reason = kNone;
  std::string refer_above_reason_code;  // empty where there is none
  std::optional<Exploration> exploration;
};

// Which models run for an applicant.
struct Route {
  std::vector<std::uint32_t> models;
  Bytes encoded_release;  // field ScoreResponse.release, which names them
};

// Applicants who are judged by one model or scorecard (at most one is set), or by rules alone.
struct Segment {
  std::string name;
  std::uint32_t model = kNone;
  std::uint32_t scorecard = kNone;
  std::optional<Cutoffs> cutoffs;
  std::string decided_by;  // the slot or scorecard
  Route route;
};

struct Reason {
  std::uint32_t group = 0;  // index of the first reason of its group
  Bytes encoded;            // field ScoreResponse.reasons
};

// What a drawdown needs beside the rules: an acknowledged quote.
struct Drawdown {
  std::int32_t minimum_reading_seconds = 0;  // from the quote to the acknowledgement
  std::int32_t valid_seconds = 0;            // from the quote to the drawdown, at most
  std::uint32_t action = 0;                  // fenqi.v1.RuleAction without it
  std::uint32_t reason = 0;                  // index into Release::reasons
  std::string reason_code;
};

class Release {
 public:
  // Fails with FAILED_PRECONDITION and a sentence that says what is wrong with the image or with
  // which model. `runtime` may be null for a release without models, or whose models are all
  // native.
  static Result<std::shared_ptr<const Release>> load(
      std::span<const std::uint8_t> image, std::shared_ptr<const models::OnnxRuntime> runtime);

  const std::string& policy() const { return policy_; }
  const std::string& policy_version() const { return policy_version_; }
  const std::string& content_hash() const { return content_hash_; }

  const wire::RowTable& row() const { return row_; }
  const program::Program& program() const { return program_; }
  std::span<const ModelSlot> models() const { return models_; }
  std::span<const Scorecard> scorecards() const { return scorecards_; }
  std::span<const Rule> rules() const { return rules_; }
  // Empty where rules alone decide.
  std::span<const Segment> segments() const { return segments_; }
  // Of those who fall in no segment, and of those who are not scored.
  const Route& route_without_segment() const { return route_without_segment_; }
  const Route& route_unscored() const { return route_unscored_; }
  bool explores() const { return explores_; }

  std::span<const Reason> reasons() const { return reasons_; }
  // All reasons, in the order in which ties among equals are resolved.
  std::span<const std::uint32_t> reasons_by_rank() const { return reasons_by_rank_; }

  // Registers; kNone where the release has none. See ReleaseImage.
  std::uint32_t segment_register() const { return segment_register_; }
  std::uint32_t skip_register() const { return skip_register_; }
  std::uint32_t scored_register() const { return scored_register_; }
  std::uint32_t amount_slot() const { return amount_slot_; }
  std::uint32_t customer_key_slot() const { return customer_key_slot_; }

  const quoting::DisclosureTexts& disclosure_texts() const { return disclosure_texts_; }
  // As a fraction; nothing where no pack says so.
  const std::optional<double>& annual_rate_cap() const { return annual_rate_cap_; }
  const std::optional<Drawdown>& drawdown() const { return drawdown_; }
  // What the policy lends; null where it only decides.
  const OfferPlan* offer_plan() const { return offer_plan_.get(); }

 private:
  friend class ReleaseLoader;
  Release() = default;

  std::string policy_;
  std::string policy_version_;
  std::string content_hash_;
  wire::RowTable row_;
  program::Program program_;
  std::vector<ModelSlot> models_;
  std::vector<Scorecard> scorecards_;
  std::vector<Rule> rules_;
  std::vector<Segment> segments_;
  Route route_without_segment_;
  Route route_unscored_;
  bool explores_ = false;
  std::vector<Reason> reasons_;
  std::vector<std::uint32_t> reasons_by_rank_;
  std::uint32_t segment_register_ = kNone;
  std::uint32_t skip_register_ = kNone;
  std::uint32_t scored_register_ = kNone;
  std::uint32_t amount_slot_ = kNone;
  std::uint32_t customer_key_slot_ = kNone;
  quoting::DisclosureTexts disclosure_texts_;
  std::optional<double> annual_rate_cap_;
  std::optional<Drawdown> drawdown_;
  std::unique_ptr<const OfferPlan> offer_plan_;
};

}  // namespace fenqi::engine
