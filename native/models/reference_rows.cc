#include "models/reference_rows.h"

#include "fenqi/contract.h"
#include "wire/decode.h"

namespace fenqi::models {
namespace {

Status refuse(const std::string& what) {
  return error(StatusCode::kFailedPrecondition, "explanation: " + what);
}

}  // namespace

Result<ReferenceRows> ReferenceRows::parse(std::span<const std::span<const std::uint8_t>> columns,
                                           const Model& model) {
  namespace field = contract::internal::reference_column;
  ReferenceRows rows;
  for (std::size_t i = 0; i < model.inputs().size(); ++i) {
    const Tensor& input = model.inputs()[i];
    for (std::size_t place = 0; place < input.width; ++place) {
      Column column{i, place, input.type, {}, {}};
      if (rows.columns_.size() == columns.size())
        return refuse("the reference has too few columns");
      wire::MessageReader reader(columns[rows.columns_.size()]);
      bool fine = true;
      while (fine && reader.next()) {
        if (reader.number() == field::kNumbers) {
          fine = wire::append_doubles(reader, column.numbers);
        } else if (reader.number() == field::kTexts) {
          column.texts.emplace_back(reader.text());
        }
      }
      if (!fine || !reader.ok()) return refuse("damaged bytes");
      const bool is_text = input.type == ElementType::kString;
      const std::size_t count = is_text ? column.texts.size() : column.numbers.size();
      if (rows.columns_.empty()) rows.count_ = count;
      if (count != rows.count_) return refuse("the reference's columns differ in length or type");
      rows.columns_.push_back(std::move(column));
    }
  }
  if (rows.columns_.size() != columns.size()) return refuse("the reference has too many columns");
  if (rows.count_ == 0) return refuse("the reference is empty");
  return rows;
}

void ReferenceRows::feed(std::size_t row, std::size_t column, ModelRun& run) const {
  const Column& from = columns_[column];
  switch (from.type) {
    case ElementType::kFloat:
      run.floats(from.input)[from.place] = static_cast<float>(from.numbers[row]);
      break;
    case ElementType::kDouble:
      run.doubles(from.input)[from.place] = from.numbers[row];
      break;
    case ElementType::kString:
      run.set_string(from.input, from.place, from.texts[row]);
      break;
    default:
      run.int64s(from.input)[from.place] = static_cast<std::int64_t>(from.numbers[row]);
      break;
  }
}

void ReferenceRows::feed(std::size_t row, ModelRun& run) const {
  for (std::size_t column = 0; column < columns_.size(); ++column) feed(row, column, run);
}

}  // namespace fenqi::models
