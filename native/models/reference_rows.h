// The applicants with whom an explanation compares: a value for each column of a model's inputs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "models/model.h"

namespace fenqi::models {

class ReferenceRows {
 public:
  // Takes what repeated fenqi.internal.v1.ReferenceColumn hold, serialized, for the inputs of
  // `model`. Fails with FAILED_PRECONDITION where a column is absent, of another type, or of
  // another length.
  static Result<ReferenceRows> parse(std::span<const std::span<const std::uint8_t>> columns,
                                     const Model& model);

  // At least one.
  std::size_t count() const { return count_; }
  std::size_t column_count() const { return columns_.size(); }

  // Feeds row `row`'s value of one column, counted over all inputs, to the run. A text is lent as
  // long as these rows live.
  void feed(std::size_t row, std::size_t column, ModelRun& run) const;
  void feed(std::size_t row, ModelRun& run) const;

 private:
  struct Column {
    std::size_t input = 0;
    std::size_t place = 0;  // within the input
    ElementType type = ElementType::kFloat;
    std::vector<double> numbers;
    std::vector<std::string> texts;
  };

  std::size_t count_ = 0;
  std::vector<Column> columns_;
};

}  // namespace fenqi::models
