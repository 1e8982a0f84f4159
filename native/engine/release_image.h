// The bytes of a fenqi.internal.v1.ReleaseImage, taken apart and not yet checked.
//
// Whatever points into something else (registers, reasons, models) may point nowhere;
// Release::load finds out. Spans are views into the image's bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/release.h"
#include "models/margin.h"
#include "models/model.h"

namespace fenqi::engine {

// A model before its graph is loaded.
struct ModelImage {
  ModelSlot slot;
  std::span<const std::uint8_t> onnx;
  std::span<const std::uint8_t> native;  // empty: onnxruntime runs `onnx`
  std::vector<models::Tensor> tensors;
  std::string margin_output;
  std::string probability_output;
  // Nothing: its margin or probability is the last column of one or two.
  std::optional<std::uint32_t> output_column;
  std::optional<std::span<const std::uint8_t>> explanation;

  // What the engine reads of the model: its margin or probability.
  std::vector<std::string> outputs() const;
  // Where a loaded model leaves the margin. Fails with FAILED_PRECONDITION where it does not.
  Result<models::Margin> margin(const models::Model& model) const;
};

struct RuleImage {
  Rule rule;
  std::uint32_t place = 0;
};

struct ReasonImage {
  std::string_view code;
  std::string_view text_en;
  std::string_view text_zh;
  std::uint32_t group = 0;
  std::uint32_t rank = 0;
};

struct ReleaseImage {
  std::uint32_t format = 0;
  std::string policy;
  std::string policy_version;
  std::string content_hash;
  std::span<const std::uint8_t> row;
  std::span<const std::uint8_t> program;
  std::vector<ModelImage> models;
  std::vector<Scorecard> scorecards;
  std::vector<RuleImage> rules;
  std::vector<Segment> segments;
  std::vector<ReasonImage> reasons;
  std::uint32_t segment_register = kNone;
  std::uint32_t skip_register = kNone;
  std::uint32_t scored_register = kNone;
  std::uint32_t amount_slot = kNone;
  std::uint32_t customer_key_slot = kNone;
  std::span<const std::uint8_t> disclosure_texts;
  std::optional<double> annual_rate_cap;
  std::optional<Drawdown> drawdown;
  std::optional<std::span<const std::uint8_t>> offer_plan;
};

// False where the bytes are damaged; what they were read into is then half filled.
bool read_model_image(std::span<const std::uint8_t> bytes, ModelImage& image);
bool read_release_image(std::span<const std::uint8_t> bytes, ReleaseImage& image);

}  // namespace fenqi::engine
