// A model that the core runs by itself: straight steps over the cells of one row.
//
// NativeModel is what was loaded: immutable, shared by all threads. NativeRun is one thread's way
// to run it: all of its memory is taken when it is created.
//
//   auto model = NativeModel::load(bytes);        // of a fenqi.internal.v1.NativeModel
//   NativeRun run(model.value());
//   run.floats(0)[3] = 0.25f;
//   Status status = run.run();
//   double margin = run.output(0, 0);
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "models/model_step.h"
#include "models/tensor.h"

namespace fenqi::models {

class NativeModel {
 public:
  // Trusts nothing: every cell that a step reads is a constant, an input's, or was written before;
  // none is written twice. Fails with FAILED_PRECONDITION and what is wrong.
  static Result<std::shared_ptr<const NativeModel>> load(std::span<const std::uint8_t> bytes);

  const std::vector<Tensor>& inputs() const { return inputs_; }
  const std::vector<Tensor>& outputs() const { return outputs_; }
  std::span<const Forest> forests() const { return tables_.forests; }
  // Whether a step runs forest i.
  bool runs_forest(std::size_t i) const {
    return i < forest_cells_.size() && forest_cells_[i] != kNone;
  }
  // Whether a bank of numbers has such a cell.
  bool has_number(Bank bank, std::uint32_t cell) const;

 private:
  friend class NativeModelParser;
  friend class NativeRun;
  static constexpr std::uint32_t kNone = UINT32_MAX;
  NativeModel() = default;

  std::vector<Tensor> inputs_;
  std::vector<Tensor> outputs_;
  // Of each input and output, its first cell.
  std::vector<std::uint32_t> input_cells_;
  std::vector<std::uint32_t> output_cells_;
  // Of each forest, the first cell of its row; kNone where no step runs it.
  std::vector<std::uint32_t> forest_cells_;
  Cells start_;  // constants in their places, everything else NaN, 0 or ""
  std::vector<std::string> texts_;
  std::vector<ModelStep> steps_;
  StepTables tables_;
};

// One thread's run of a model. Not safe to share.
class NativeRun {
 public:
  explicit NativeRun(std::shared_ptr<const NativeModel> model);

  // Input i, which must be of that type; bool is int64 too. Values stay until they are overwritten;
  // a text is lent until the outputs have been read.
  std::span<float> floats(std::size_t i);
  std::span<double> doubles(std::size_t i);
  std::span<std::int64_t> int64s(std::size_t i);
  void set_string(std::size_t i, std::size_t column, std::string_view text);
  std::string_view string(std::size_t i, std::size_t column) const;

  // Allocates only to say why it fails: INTERNAL where the row cannot be worked out.
  Status run();

  // Column of output i after a run: a number, or, of a string output, a text.
  double output(std::size_t i, std::size_t column) const;
  std::string_view text(std::size_t i, std::size_t column) const;
  // The row that forest i was asked about in the last run.
  std::span<const float> forest_row(std::size_t i) const;
  // A number inside the last run; has_number() of it holds.
  double number(Bank bank, std::uint32_t cell) const;

 private:
  std::shared_ptr<const NativeModel> model_;
  Cells cells_;
};

}  // namespace fenqi::models
