#include "models/native_model.h"

#include <utility>

namespace fenqi::models {

bool NativeModel::has_number(Bank bank, std::uint32_t cell) const {
  switch (bank) {
    case Bank::kFloat:
      return cell < start_.floats.size();
    case Bank::kDouble:
      return cell < start_.doubles.size();
    case Bank::kInt:
      return cell < start_.ints.size();
    default:
      return false;
  }
}

NativeRun::NativeRun(std::shared_ptr<const NativeModel> model)
    : model_(std::move(model)), cells_(model_->start_) {}

std::span<float> NativeRun::floats(std::size_t i) {
  return {cells_.floats.data() + model_->input_cells_[i], model_->inputs_[i].width};
}

std::span<double> NativeRun::doubles(std::size_t i) {
  return {cells_.doubles.data() + model_->input_cells_[i], model_->inputs_[i].width};
}

std::span<std::int64_t> NativeRun::int64s(std::size_t i) {
  return {cells_.ints.data() + model_->input_cells_[i], model_->inputs_[i].width};
}

void NativeRun::set_string(std::size_t i, std::size_t column, std::string_view text) {
  cells_.texts[model_->input_cells_[i] + column] = text;
}

std::string_view NativeRun::string(std::size_t i, std::size_t column) const {
  return cells_.texts[model_->input_cells_[i] + column];
}

std::span<const float> NativeRun::forest_row(std::size_t i) const {
  return {cells_.floats.data() + model_->forest_cells_[i], model_->forests()[i].column_count()};
}

double NativeRun::number(Bank bank, std::uint32_t cell) const {
  switch (bank) {
    case Bank::kFloat:
      return static_cast<double>(cells_.floats[cell]);
    case Bank::kDouble:
      return cells_.doubles[cell];
    default:
      return static_cast<double>(cells_.ints[cell]);
  }
}

Status NativeRun::run() {
  for (const ModelStep& step : model_->steps_) {
    if (!step.run(step, model_->tables_, cells_)) [[unlikely]] {
      return error(
          StatusCode::kInternal,
          "the model does not know a category, takes no missing value there, or divides by 0");
    }
  }
  return {};
}

double NativeRun::output(std::size_t i, std::size_t column) const {
  const std::size_t cell = model_->output_cells_[i] + column;
  switch (model_->outputs_[i].type) {
    case ElementType::kFloat:
      return static_cast<double>(cells_.floats[cell]);
    case ElementType::kDouble:
      return cells_.doubles[cell];
    default:
      return static_cast<double>(cells_.ints[cell]);
  }
}

std::string_view NativeRun::text(std::size_t i, std::size_t column) const {
  return cells_.texts[model_->output_cells_[i] + column];
}

}  // namespace fenqi::models
