// NativeModel::load: from a serialized fenqi.internal.v1.NativeModel to steps that are safe to run.
#include <cstring>
#include <limits>
#include <utility>

#include "fenqi/contract.h"
#include "models/native_model.h"
#include "wire/decode.h"

namespace fenqi::models {
namespace {

namespace image = contract::internal;
namespace kind = contract::step_kind;
using wire::MessageReader;

// Cells of one bank.
constexpr std::uint32_t kMostCells = 1u << 22;

Status refuse(const std::string& what) {
  return error(StatusCode::kFailedPrecondition, "native model: " + what);
}

// Appends the numbers of a repeated float field, packed or not. False where it is of another type.
bool append_floats(const MessageReader& field, std::vector<float>& out) {
  if (field.type() == wire::WireType::kFixed32) {
    out.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(field.bits())));
    return true;
  }
  const auto bytes = field.payload();
  if (field.type() != wire::WireType::kLength || bytes.size() % sizeof(float) != 0) return false;
  const std::size_t old = out.size();
  out.resize(old + bytes.size() / sizeof(float));
  if (!bytes.empty()) std::memcpy(out.data() + old, bytes.data(), bytes.size());
  return true;
}

std::optional<ElementType> element_type(std::uint32_t type) {
  switch (type) {
    case contract::tensor_type::kFloat:
      return ElementType::kFloat;
    case contract::tensor_type::kDouble:
      return ElementType::kDouble;
    case contract::tensor_type::kInt64:
      return ElementType::kInt64;
    case contract::tensor_type::kBool:
      return ElementType::kBool;
    case contract::tensor_type::kString:
      return ElementType::kString;
    default:
      return {};
  }
}

Bank bank_of_element(ElementType type) {
  switch (type) {
    case ElementType::kFloat:
      return Bank::kFloat;
    case ElementType::kDouble:
      return Bank::kDouble;
    case ElementType::kString:
      return Bank::kText;
    default:
      return Bank::kInt;
  }
}

// A step with what it was read from.
struct StepImage {
  ModelStep step;
  std::uint32_t kind = 0;
  std::uint32_t type = 0;
};

struct TensorImage {
  Tensor tensor;
  std::uint32_t first_cell = 0;
};

bool read_tensor(std::span<const std::uint8_t> bytes, TensorImage& read) {
  MessageReader reader(bytes);
  std::uint32_t type = 0;
  while (reader.next()) {
    switch (reader.number()) {
      case image::native_tensor::kName:
        read.tensor.name = reader.text();
        break;
      case image::native_tensor::kType:
        type = reader.bits32();
        break;
      case image::native_tensor::kFirstCell:
        read.first_cell = reader.bits32();
        break;
      case image::native_tensor::kWidth:
        read.tensor.width = reader.bits32();
        break;
      default:
        break;
    }
  }
  const auto known = element_type(type);
  if (known) read.tensor.type = *known;
  return reader.ok() && known.has_value();
}

bool read_step(std::span<const std::uint8_t> bytes, StepImage& read) {
  MessageReader reader(bytes);
  ModelStep& step = read.step;
  std::uint32_t single = 0;
  while (reader.next()) {
    switch (reader.number()) {
      case image::model_step::kKind:
        read.kind = reader.bits32();
        break;
      case image::model_step::kType:
        read.type = reader.bits32();
        break;
      case image::model_step::kResult:
        step.result = reader.bits32();
        break;
      case image::model_step::kA:
        step.a = reader.bits32();
        break;
      case image::model_step::kB:
        step.b = reader.bits32();
        break;
      case image::model_step::kC:
        step.c = reader.bits32();
        break;
      case image::model_step::kCount:
        step.count = reader.bits32();
        break;
      case image::model_step::kSingle:
        single = reader.bits32();
        break;
      case image::model_step::kSize:
        step.size = reader.bits32();
        break;
      case image::model_step::kIndex:
        step.index = reader.bits32();
        break;
      default:
        break;
    }
  }
  step.a_stride = (single & 1) != 0 ? 0 : 1;
  step.b_stride = (single & 2) != 0 ? 0 : 1;
  step.c_stride = (single & 4) != 0 ? 0 : 1;
  return reader.ok();
}

// Which cells of a bank hold something by now.
class FilledCells {
 public:
  void resize(std::size_t cells, std::size_t constants) {
    filled_.assign(cells, false);
    for (std::size_t i = 0; i < constants; ++i) filled_[i] = true;
  }

  bool are_filled(std::uint64_t first, std::uint64_t count) const {
    if (first + count > filled_.size()) return false;
    for (std::uint64_t i = first; i < first + count; ++i) {
      if (!filled_[i]) return false;
    }
    return true;
  }

  // False where one is filled already, or there is no such cell.
  bool fill(std::uint64_t first, std::uint64_t count) {
    if (first + count > filled_.size()) return false;
    for (std::uint64_t i = first; i < first + count; ++i) {
      if (filled_[i]) return false;
      filled_[i] = true;
    }
    return true;
  }

 private:
  std::vector<bool> filled_;
};

}  // namespace

class NativeModelParser {
 public:
  Result<std::shared_ptr<const NativeModel>> load(std::span<const std::uint8_t> bytes) {
    if (Status s = read(bytes); !s.ok()) return s;
    if (Status s = place_constants(); !s.ok()) return s;
    for (TensorImage& input : inputs_) {
      if (!bank(bank_of_element(input.tensor.type)).fill(input.first_cell, input.tensor.width)) {
        return refuse("input " + input.tensor.name + " has no cells of its own");
      }
      model_->input_cells_.push_back(input.first_cell);
      model_->inputs_.push_back(std::move(input.tensor));
    }
    model_->forest_cells_.assign(model_->forests().size(), NativeModel::kNone);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (!check(steps_[i])) return refuse("step " + std::to_string(i) + " cannot be run");
      const ModelStep& step = steps_[i].step;
      if (steps_[i].kind == kind::kForest) model_->forest_cells_[step.index] = step.a;
      model_->steps_.push_back(step);
    }
    for (TensorImage& output : outputs_) {
      const FilledCells& cells = bank(bank_of_element(output.tensor.type));
      if (!cells.are_filled(output.first_cell, output.tensor.width)) {
        return refuse("output " + output.tensor.name + " is never written");
      }
      model_->output_cells_.push_back(output.first_cell);
      model_->outputs_.push_back(std::move(output.tensor));
    }
    return std::shared_ptr<const NativeModel>(std::move(model_));
  }

 private:
  Status read(std::span<const std::uint8_t> bytes) {
    MessageReader reader(bytes);
    bool fine = true;
    while (fine && reader.next()) {
      const bool is_message = reader.type() == wire::WireType::kLength;
      switch (reader.number()) {
        case image::native_model::kFloatCells:
          float_cells_ = reader.bits32();
          break;
        case image::native_model::kDoubleCells:
          double_cells_ = reader.bits32();
          break;
        case image::native_model::kIntCells:
          int_cells_ = reader.bits32();
          break;
        case image::native_model::kTextCells:
          text_cells_ = reader.bits32();
          break;
        case image::native_model::kFloatConstants:
          fine = append_floats(reader, model_->start_.floats);
          break;
        case image::native_model::kDoubleConstants:
          fine = wire::append_doubles(reader, model_->start_.doubles);
          break;
        case image::native_model::kIntConstants:
          fine = wire::append_varints(reader, model_->start_.ints, wire::unzigzag);
          break;
        case image::native_model::kTextConstants:
          model_->texts_.emplace_back(reader.text());
          break;
        case image::native_model::kInputs:
          fine = is_message && read_tensor(reader.payload(), inputs_.emplace_back());
          break;
        case image::native_model::kOutputs:
          fine = is_message && read_tensor(reader.payload(), outputs_.emplace_back());
          break;
        case image::native_model::kSteps:
          fine = is_message && read_step(reader.payload(), steps_.emplace_back());
          break;
        case image::native_model::kForests: {
          auto forest = Forest::load(reader.payload());
          if (!forest.ok()) return forest.status();
          model_->tables_.forests.push_back(std::move(forest.value()));
          break;
        }
        case image::native_model::kCopiedCells:
          fine = wire::append_varints(reader, model_->tables_.copied_cells, wire::saturate32);
          break;
        default:
          break;
      }
    }
    return fine && reader.ok() ? Status() : refuse("damaged bytes");
  }

  Status place_constants() {
    Cells& start = model_->start_;
    for (const std::string& text : model_->texts_) start.texts.emplace_back(text);
    const auto place = [](auto& values, std::uint32_t cells, FilledCells& filled, auto initial) {
      if (cells > kMostCells || values.size() > cells) return false;
      filled.resize(cells, values.size());
      values.resize(cells, initial);
      return true;
    };
    const bool fine =
        place(start.floats, float_cells_, floats_, std::numeric_limits<float>::quiet_NaN()) &&
        place(start.doubles, double_cells_, doubles_, std::numeric_limits<double>::quiet_NaN()) &&
        place(start.ints, int_cells_, ints_, std::int64_t{0}) &&
        place(start.texts, text_cells_, texts_, std::string_view());
    return fine ? Status() : refuse("too many constants or cells");
  }

  FilledCells& bank(Bank bank) {
    switch (bank) {
      case Bank::kFloat:
        return floats_;
      case Bank::kDouble:
        return doubles_;
      case Bank::kInt:
        return ints_;
      default:
        return texts_;
    }
  }

  // How many cells an operand and the result of a step have.
  struct Extents {
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    std::uint64_t c = 0;
    std::uint64_t result = 0;
  };

  static Extents extents_of(const StepImage& read) {
    const ModelStep& step = read.step;
    const std::uint64_t count = step.count;
    const std::uint64_t size = step.size;
    const auto each = [&](std::uint32_t stride) { return stride == 0 ? 1 : count; };
    Extents e{each(step.a_stride), each(step.b_stride), each(step.c_stride), count};
    switch (read.kind) {
      case kind::kTake:
      case kind::kFind:
        e.b = size;
        break;
      case kind::kGroupSum:
      case kind::kGroupLaneSum:
      case kind::kGroupProduct:
      case kind::kGroupMin:
      case kind::kGroupMax:
      case kind::kGroupArgMax:
      case kind::kGroupArgMin:
      case kind::kGroupLogSumExp:
        e.a = count * size;
        break;
      case kind::kGroupSoftmax:
      case kind::kGroupSoftmaxZero:
        e.a = e.result = count * size;
        break;
      case kind::kMatrix:
        e.a = size;
        e.b = count * size;
        break;
      default:
        break;
    }
    return e;
  }

  static bool needs_size(std::uint32_t kind) {
    return kind >= kind::kGroupSum && kind <= kind::kGroupLaneSum;
  }

  bool check(StepImage& read) {
    const auto form = step_form(read.kind, read.type);
    ModelStep& step = read.step;
    if (!form || step.count == 0 || (needs_size(read.kind) && step.size == 0)) return false;
    step.run = form->run;
    Extents extents = extents_of(read);
    if (read.kind == kind::kForest) {
      const auto& forests = model_->tables_.forests;
      if (step.index >= forests.size()) return false;
      if (forests[step.index].target_count() != step.count) return false;
      extents.a = forests[step.index].column_count();
    }
    if (read.kind == kind::kCopy && !copies_filled_cells(step, form->result)) return false;
    if (form->a != Bank::kNone && !bank(form->a).are_filled(step.a, extents.a)) return false;
    if (form->b != Bank::kNone && !bank(form->b).are_filled(step.b, extents.b)) return false;
    if (form->c != Bank::kNone && !bank(form->c).are_filled(step.c, extents.c)) return false;
    return form->result == Bank::kNone || bank(form->result).fill(step.result, extents.result);
  }

  bool copies_filled_cells(const ModelStep& step, Bank of) {
    const auto& copied = model_->tables_.copied_cells;
    if (std::uint64_t{step.index} + step.count > copied.size()) return false;
    for (std::uint32_t i = 0; i < step.count; ++i) {
      if (!bank(of).are_filled(copied[step.index + i], 1)) return false;
    }
    return true;
  }

  std::shared_ptr<NativeModel> model_{new NativeModel()};
  std::uint32_t float_cells_ = 0;
  std::uint32_t double_cells_ = 0;
  std::uint32_t int_cells_ = 0;
  std::uint32_t text_cells_ = 0;
  std::vector<TensorImage> inputs_;
  std::vector<TensorImage> outputs_;
  std::vector<StepImage> steps_;
  FilledCells floats_;
  FilledCells doubles_;
  FilledCells ints_;
  FilledCells texts_;
};

Result<std::shared_ptr<const NativeModel>> NativeModel::load(std::span<const std::uint8_t> bytes) {
  return NativeModelParser().load(bytes);
}

}  // namespace fenqi::models
