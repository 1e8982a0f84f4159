// Program::parse: from a serialized fenqi.internal.v1.Program to code that is safe to run.
#include <algorithm>
#include <array>

#include "fenqi/contract.h"
#include "program/program.h"
#include "program/signature.h"
#include "wire/decode.h"

namespace fenqi::program {
namespace {

namespace image = contract::internal;
namespace op = contract::op;
using wire::MessageReader;
using wire::WireType;

constexpr std::uint32_t kMostRegisters = 1u << 22;
constexpr std::size_t kWordsPerInstruction = 6;

Status refuse(const std::string& what) {
  return error(StatusCode::kFailedPrecondition, "release image, program: " + what);
}

bool is_membership(std::uint32_t operation) {
  return operation >= op::kInInt && operation <= op::kInString;
}

bool append_doubles(const MessageReader& reader, std::vector<double>& out) {
  if (reader.type() == WireType::kFixed64) {
    out.push_back(reader.number64());
    return true;
  }
  if (reader.type() != WireType::kLength || reader.payload().size() % 8 != 0) return false;
  const std::size_t old = out.size();
  out.resize(old + reader.payload().size() / 8);
  if (!reader.payload().empty()) {
    std::memcpy(out.data() + old, reader.payload().data(), reader.payload().size());
  }
  return true;
}

template <typename Element>
bool is_sorted_set(const std::vector<Element>& elements) {
  return std::adjacent_find(elements.begin(), elements.end(), [](const auto& a, const auto& b) {
           return !(a < b);
         }) == elements.end();
}

}  // namespace

class ProgramParser {
 public:
  ProgramParser(std::span<const Kind> slot_kinds, std::span<const std::uint32_t> model_registers)
      : slot_kinds_(slot_kinds), model_registers_(model_registers) {}

  Result<Program> parse(std::span<const std::uint8_t> bytes) {
    if (!read(bytes)) return tables_status_.ok() ? refuse("damaged bytes") : tables_status_;
    place_constants();
    if (Status s = check_registers(); !s.ok()) return s;
    if (Status s = check_code(); !s.ok()) return s;
    return std::move(program_);
  }

 private:
  bool read(std::span<const std::uint8_t> bytes) {
    MessageReader reader(bytes);
    while (reader.next()) {
      const bool is_message = reader.type() == WireType::kLength;
      switch (reader.number()) {
        case image::program::kRegisterCount:
          program_.register_count_ = reader.bits32();
          break;
        case image::program::kConstantBase:
          program_.constant_base_ = reader.bits32();
          break;
        case image::program::kConstants:
          if (!is_message || !read_constant(reader.payload())) return false;
          break;
        case image::program::kCode:
          if (!wire::append_varints(reader, words_, wire::saturate32)) {
            return false;
          }
          break;
        case image::program::kInstructionsBeforeModels:
          before_models_ = reader.bits32();
          break;
        case image::program::kSets:
          if (!is_message || !read_set(reader.payload())) return false;
          break;
        case image::program::kPlaces:
          if (!is_message || !read_place(reader.payload())) return false;
          break;
        case image::program::kFeatures:
          if (!is_message || !read_feature(reader.payload())) return false;
          break;
        case image::program::kTables:
          tables_status_ = program_.tables_.append_table(reader.payload());
          break;
        case image::program::kLookups:
          tables_status_ = program_.tables_.append_lookup(reader.payload());
          break;
        case image::program::kLists:
          tables_status_ = program_.tables_.append_list(reader.payload());
          break;
        default:
          break;
      }
      if (!tables_status_.ok()) return false;
    }
    return reader.ok();
  }

  bool read_constant(std::span<const std::uint8_t> bytes) {
    Value value;
    std::string text;
    MessageReader reader(bytes);
    while (reader.next()) {
      switch (reader.number()) {
        case image::constant::kBoolValue:
          value = Value::of_bool(reader.bits() != 0);
          break;
        case image::constant::kIntValue:
          value = Value::of_int(wire::unzigzag(reader.bits()));
          break;
        case image::constant::kUintValue:
          value = Value::of_uint(reader.bits());
          break;
        case image::constant::kDoubleValue:
          value = Value::of_double(reader.number64());
          break;
        case image::constant::kStringValue:
        case image::constant::kBytesValue:
          if (reader.type() != WireType::kLength) return false;
          text = reader.text();
          value = reader.number() == image::constant::kStringValue ? Value::of_string({})
                                                                   : Value::of_bytes({});
          break;
        case image::constant::kMissing:
          value = Value();
          break;
        default:
          break;
      }
    }
    program_.constants_.push_back(value);
    program_.constant_texts_.push_back(std::move(text));
    return reader.ok();
  }

  bool read_set(std::span<const std::uint8_t> bytes) {
    ConstantSet set;
    MessageReader reader(bytes);
    while (reader.next()) {
      switch (reader.number()) {
        case image::constant_set::kInts:
          if (!wire::append_varints(reader, set.ints, wire::unzigzag)) return false;
          break;
        case image::constant_set::kUints:
          if (!wire::append_varints(reader, set.uints, [](std::uint64_t bits) { return bits; })) {
            return false;
          }
          break;
        case image::constant_set::kDoubles:
          if (!append_doubles(reader, set.doubles)) return false;
          break;
        case image::constant_set::kStrings:
          if (reader.type() != WireType::kLength) return false;
          set.strings.emplace_back(reader.text());
          break;
        default:
          break;
      }
    }
    if (!is_sorted_set(set.ints) || !is_sorted_set(set.uints) || !is_sorted_set(set.doubles) ||
        !is_sorted_set(set.strings)) {
      return false;
    }
    program_.sets_.push_back(std::move(set));
    return reader.ok();
  }

  bool read_place(std::span<const std::uint8_t> bytes) {
    Place place;
    MessageReader reader(bytes);
    while (reader.next()) {
      switch (reader.number()) {
        case image::place::kFile:
          place.file = reader.text();
          break;
        case image::place::kLine:
          place.line = reader.bits32();
          break;
        case image::place::kColumn:
          place.column = reader.bits32();
          break;
        case image::place::kOwner:
          place.owner = reader.text();
          break;
        default:
          break;
      }
    }
    program_.places_.push_back(std::move(place));
    return reader.ok();
  }

  bool read_feature(std::span<const std::uint8_t> bytes) {
    NamedRegister feature;
    MessageReader reader(bytes);
    while (reader.next()) {
      switch (reader.number()) {
        case image::named_register::kName:
          feature.name = reader.text();
          break;
        case image::named_register::kRegister:
          feature.register_index = reader.bits32();
          break;
        default:
          break;
      }
    }
    program_.features_.push_back(std::move(feature));
    return reader.ok();
  }

  // Text constants become views once all texts are where they stay.
  void place_constants() {
    for (std::size_t i = 0; i < program_.constants_.size(); ++i) {
      Value& value = program_.constants_[i];
      if (value.kind != Kind::kString && value.kind != Kind::kBytes) continue;
      const std::string& text = program_.constant_texts_[i];
      value.s = text.data();
      value.size = static_cast<std::uint32_t>(text.size());
    }
  }

  Status check_registers() {
    // The machine forms references to three registers for every instruction, also where an operand
    // is a table or a column.
    program_.register_count_ = std::max(program_.register_count_, program_.tables_.most_operands());
    const std::uint32_t count = program_.register_count_;
    if (count > kMostRegisters) return refuse("too many registers");
    if (slot_kinds_.size() > program_.constant_base_ || program_.constant_base_ > count ||
        program_.constants_.size() > count - program_.constant_base_) {
      return refuse("row, constants and registers overlap");
    }
    if (program_.sets_.size() > count) return refuse("more sets than registers");
    if (program_.places_.empty()) return refuse("no places");
    program_.written_.assign(count, 0);
    kinds_.assign(count, Kind::kNone);
    table_of_rows_.assign(count, kNoTable);
    for (std::size_t i = 0; i < slot_kinds_.size(); ++i) {
      program_.written_[i] = 1;
      kinds_[i] = slot_kinds_[i];
    }
    for (std::size_t i = 0; i < program_.constants_.size(); ++i) {
      program_.written_[program_.constant_base_ + i] = 1;
      kinds_[program_.constant_base_ + i] = program_.constants_[i].kind;
    }
    return {};
  }

  Status check_code() {
    if (words_.size() % kWordsPerInstruction != 0) return refuse("code is cut short");
    const std::size_t count = words_.size() / kWordsPerInstruction;
    if (before_models_ > count) return refuse("more instructions before the models than there are");
    for (std::size_t i = 0; i < count; ++i) {
      if (i == before_models_) {
        if (Status s = write_model_registers(); !s.ok()) return s;
      }
      const std::uint32_t* w = words_.data() + i * kWordsPerInstruction;
      const Instruction instruction{w[0], w[1], w[2], w[3], w[4], w[5]};
      if (Status s = check_instruction(instruction, i < before_models_ ? 1 : 2); !s.ok()) return s;
      (i < before_models_ ? program_.before_models_ : program_.after_models_)
          .push_back(instruction);
    }
    if (before_models_ == count) {
      if (Status s = write_model_registers(); !s.ok()) return s;
    }
    for (const NamedRegister& feature : program_.features_) {
      if (!program_.is_written(feature.register_index)) {
        return refuse("feature " + feature.name + " has no value");
      }
    }
    program_.kinds_ = std::move(kinds_);
    return {};
  }

  Status write_model_registers() {
    for (const std::uint32_t index : model_registers_) {
      if (!may_write(index)) return refuse("a model writes to a register that is taken");
      program_.written_[index] = 2;
      kinds_[index] = Kind::kDouble;
    }
    return {};
  }

  bool may_write(std::uint32_t index) const {
    return index < program_.register_count_ && program_.written_[index] == 0;
  }

  Status check_instruction(const Instruction& instruction, std::uint8_t when) {
    if (tables::is_table_operation(instruction.op)) return check_table(instruction, when);
    const auto signature = signature_of(instruction.op);
    if (!signature) {
      return refuse("unknown operation " + std::to_string(instruction.op) +
                    "; the image was made by another version");
    }
    const std::array<std::uint32_t, 3> reads = {instruction.a, instruction.b, instruction.c};
    for (std::size_t i = 0; i < reads.size(); ++i) {
      // The machine forms references to unused operands too.
      if (reads[i] >= program_.register_count_) return refuse("an operand is no register");
      if (static_cast<int>(i) >= signature->operands) continue;
      if (!program_.is_written(reads[i])) return refuse("an operand is read before it is written");
      if (!fits(kinds_[reads[i]], signature->reads[i])) return refuse("an operand of another kind");
    }
    if (is_membership(instruction.op) && instruction.b >= program_.sets_.size()) {
      return refuse("no such set");
    }
    if (instruction.place >= program_.places_.size()) return refuse("no such place");
    if (!may_write(instruction.to)) return refuse("a register is written twice");
    Kind makes = signature->makes;
    if (instruction.op == op::kSelect || instruction.op == op::kDefault) {
      const Kind one = kinds_[instruction.op == op::kSelect ? instruction.c : instruction.a];
      const Kind other = kinds_[instruction.b];
      if (!fits(one, other)) return refuse("branches of different kinds");
      makes = one == Kind::kNone ? other : one;
    }
    program_.written_[instruction.to] = when;
    kinds_[instruction.to] = makes;
    return {};
  }

  Status check_table(const Instruction& instruction, std::uint8_t when) {
    const auto kinds = program_.tables_.kinds_of(instruction.op, instruction.b, instruction.c);
    if (!kinds) return refuse("no such table, lookup or list, or no such operation on it");
    const std::uint32_t count = program_.register_count_;
    if (instruction.a >= count || instruction.b >= count || instruction.c >= count) {
      return refuse("an operand is no register");
    }
    const auto is_readable = [&](std::uint32_t index, Kind kind) {
      return program_.is_written(index) && fits(kinds_[index], kind);
    };
    if (kinds->reads != Kind::kNone && !is_readable(instruction.a, kinds->reads)) {
      return refuse("a table's operand is not written or of another kind");
    }
    if (kinds->reads_rows && table_of_rows_[instruction.a] != instruction.b) {
      return refuse("rows of another table");
    }
    for (const tables::TableInput& input : kinds->inputs) {
      if (!is_readable(input.register_index, input.kind)) {
        return refuse("a table's input is not written or of another kind");
      }
    }
    if (instruction.place >= program_.places_.size()) return refuse("no such place");
    if (!may_write(instruction.to)) return refuse("a register is written twice");
    if (instruction.op == op::kTableRow || instruction.op == op::kTableRows) {
      table_of_rows_[instruction.to] = instruction.b;
    }
    program_.written_[instruction.to] = when;
    kinds_[instruction.to] = kinds->makes;
    return {};
  }

  // A register that is always missing has no kind and fits everywhere.
  static bool fits(Kind kind, Kind wanted) {
    return kind == wanted || kind == Kind::kNone || wanted == Kind::kNone;
  }

  std::span<const Kind> slot_kinds_;
  std::span<const std::uint32_t> model_registers_;
  std::vector<Kind> kinds_;  // of each register
  // Of which table a register holds rows.
  static constexpr std::uint32_t kNoTable = UINT32_MAX;
  std::vector<std::uint32_t> table_of_rows_;
  Status tables_status_;  // why a table, lookup or list was refused
  Program program_;
  std::vector<std::uint32_t> words_;
  std::uint32_t before_models_ = 0;
};

Result<Program> Program::parse(std::span<const std::uint8_t> bytes,
                               std::span<const Kind> slot_kinds,
                               std::span<const std::uint32_t> model_registers) {
  return ProgramParser(slot_kinds, model_registers).parse(bytes);
}

}  // namespace fenqi::program
