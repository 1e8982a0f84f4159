// Program::parse: from a serialized fenqi.internal.v1.Program to code that is safe to run.
#include <algorithm>
#include <array>

#include "fenqi/contract.h"
#include "program/program.h"
#include "program/schedule.h"
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
constexpr int kMostNestedBlocks = 32;
// In Program::written_: written inside a block that is over.
constexpr std::uint8_t kInside = 3;

Status refuse(const std::string& what) {
  return error(StatusCode::kFailedPrecondition, "release image, program: " + what);
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
  ProgramParser(std::span<const Kind> slot_kinds, std::span<const CoreRegister> core_registers)
      : slot_kinds_(slot_kinds), core_registers_(core_registers) {}

  Result<Program> parse(std::span<const std::uint8_t> bytes) {
    if (!read(bytes)) return tables_status_.ok() ? refuse("damaged bytes") : tables_status_;
    if (Status s = check_message_types(); !s.ok()) return s;
    if (Status s = read_constants(); !s.ok()) return s;
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
          if (!is_message) return false;
          constants_.push_back(reader.payload());
          break;
        case image::program::kCode:
          if (!wire::append_varints(reader, words_, wire::saturate32)) {
            return false;
          }
          break;
        case image::program::kInstructionsBeforeModels:
          before_models_ = reader.bits32();
          break;
        case image::program::kArguments:
          if (!wire::append_varints(reader, program_.arguments_, wire::saturate32)) return false;
          break;
        case image::program::kBlocks:
          if (!is_message || !read_block(reader.payload())) return false;
          break;
        case image::program::kMessageTypes:
          if (!is_message || !read_message_type(reader.payload())) return false;
          break;
        case image::program::kSets:
          if (!is_message || !read_set(reader.payload())) return false;
          break;
        case image::program::kPlaces:
          if (!is_message || !read_place(reader.payload())) return false;
          break;
        case image::program::kNamed:
          if (!is_message || !read_named(reader.payload())) return false;
          break;
        case image::program::kBinnings: {
          auto binning = Binning::parse(reader.payload());
          if (!binning) return false;
          program_.binnings_.push_back(std::move(*binning));
          break;
        }
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
          if (!wire::append_doubles(reader, set.doubles)) return false;
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

  bool read_named(std::span<const std::uint8_t> bytes) {
    NamedRegister named;
    MessageReader reader(bytes);
    while (reader.next()) {
      switch (reader.number()) {
        case image::named_register::kName:
          named.name = reader.text();
          break;
        case image::named_register::kRegister:
          named.register_index = reader.bits32();
          break;
        default:
          break;
      }
    }
    program_.named_.push_back(std::move(named));
    return reader.ok();
  }

  bool read_block(std::span<const std::uint8_t> bytes) {
    BlockImage image;
    MessageReader reader(bytes);
    while (reader.next()) {
      switch (reader.number()) {
        case image::block::kFirst:
          image.block.first = reader.bits32();
          break;
        case image::block::kSecondPlusOne:
          image.block.second = reader.bits32() - 1;
          break;
        case image::block::kAccumulator:
          image.block.accumulator = reader.bits32();
          break;
        case image::block::kCode:
          if (!wire::append_varints(reader, image.words, wire::saturate32)) return false;
          break;
        case image::block::kConditionInstructions:
          image.condition_instructions = reader.bits32();
          break;
        case image::block::kCondition:
          image.block.condition = reader.bits32();
          break;
        case image::block::kStep:
          image.block.step = reader.bits32();
          break;
        default:
          break;
      }
    }
    blocks_.push_back(std::move(image));
    return reader.ok();
  }

  bool read_message_type(std::span<const std::uint8_t> bytes) {
    MessageType type;
    std::vector<std::uint32_t> targets;
    MessageReader reader(bytes);
    while (reader.next()) {
      if (reader.number() == image::message_type::kName) type.name = reader.text();
      if (reader.number() != image::message_type::kFields) continue;
      if (reader.type() != WireType::kLength ||
          !read_message_field(reader.payload(), type, targets))
        return false;
    }
    program_.message_types_.push_back(std::move(type));
    field_types_.push_back(std::move(targets));
    return reader.ok();
  }

  static bool read_message_field(std::span<const std::uint8_t> bytes, MessageType& type,
                                 std::vector<std::uint32_t>& targets) {
    MessageField field;
    std::uint32_t target = 0;
    MessageReader reader(bytes);
    while (reader.next()) {
      switch (reader.number()) {
        case image::message_field::kName:
          field.name = reader.text();
          break;
        case image::message_field::kNumber:
          field.number = reader.bits32();
          break;
        case image::message_field::kKind:
          field.kind = reader.bits32();
          break;
        case image::message_field::kZeroIsMissing:
          field.zero_is_missing = reader.bits() != 0;
          break;
        case image::message_field::kRepeated:
          field.repeated = reader.bits() != 0;
          break;
        case image::message_field::kMap:
          field.map = reader.bits() != 0;
          break;
        case image::message_field::kMessageTypePlusOne:
          target = reader.bits32();
          break;
        default:
          break;
      }
    }
    type.fields.push_back(std::move(field));
    targets.push_back(target);
    return reader.ok();
  }

  // Fields point to the types of their messages once all types are where they stay.
  Status check_message_types() {
    std::vector<MessageType>& types = program_.message_types_;
    for (std::size_t t = 0; t < types.size(); ++t) {
      const auto bad = [&](const char* what) { return refuse(types[t].name + ": " + what); };
      for (std::size_t f = 0; f < types[t].fields.size(); ++f) {
        MessageField& field = types[t].fields[f];
        if (f > 0 && types[t].fields[f - 1].name >= field.name) return bad("fields are not sorted");
        if (field.kind < contract::field_kind::kInt32 ||
            field.kind > contract::field_kind::kMessage) {
          return bad("a field of unknown kind");
        }
        const bool is_message = field.kind == contract::field_kind::kMessage;
        const std::uint32_t target = field_types_[t][f] - 1;
        if (is_message != (target < types.size())) return bad("a message without a type");
        if (field.map && (!is_message || !field.repeated)) return bad("a map that is none");
        if (is_message) field.message = &types[target];
      }
    }
    for (const MessageType& type : types) {
      for (const MessageField& field : type.fields) {
        if (field.map && !is_entry(*field.message)) return refuse("entries of a map are none");
      }
    }
    return {};
  }

  static bool is_entry(const MessageType& type) {
    const MessageField* key = type.find("key");
    const MessageField* value = type.find("value");
    return key != nullptr && value != nullptr && !key->repeated && !value->repeated &&
           key->kind != contract::field_kind::kMessage;
  }

  // Once the message types are known.
  Status read_constants() {
    for (const auto& bytes : constants_) {
      Value value;
      if (!program_.constant_pool_.read(bytes, program_.message_types_, value)) {
        return refuse("a damaged constant");
      }
      program_.constants_.push_back(value);
    }
    return {};
  }

  Status check_registers() {
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
    program_.blocks_.resize(blocks_.size());
    program_.before_models_.clear();
    program_.after_models_.clear();
    for (std::size_t i = 0; i < count; ++i) {
      if (i == before_models_) {
        if (Status s = write_core_registers(); !s.ok()) return s;
      }
      const Instruction instruction = instruction_at(words_, i);
      if (Status s = check_instruction(instruction, i < before_models_ ? 1 : 2); !s.ok()) return s;
      (i < before_models_ ? program_.before_models_ : program_.after_models_)
          .push_back(prepared(instruction));
    }
    if (before_models_ == count) {
      if (Status s = write_core_registers(); !s.ok()) return s;
    }
    for (const BlockImage& block : blocks_) {
      if (!block.is_taken) return refuse("a block that nothing runs");
    }
    for (const NamedRegister& named : program_.named_) {
      if (!program_.is_written(named.register_index)) {
        return refuse(named.name + " has no value");
      }
    }
    program_.kinds_ = std::move(kinds_);
    schedule(program_.before_models_, program_.register_count_);
    schedule(program_.after_models_, program_.register_count_);
    program_.before_models_.push_back(kEndOfCode);
    program_.after_models_.push_back(kEndOfCode);
    return {};
  }

  static Instruction instruction_at(const std::vector<std::uint32_t>& words, std::size_t i) {
    const std::uint32_t* w = words.data() + i * kWordsPerInstruction;
    return {w[0], w[1], w[2], w[3], w[4], w[5]};
  }

  // A checked instruction as the machine takes it: patterns and time zones that are constants are
  // made ready now, and c says which one it is, plus one.
  Instruction prepared(Instruction instruction) {
    if (instruction.op >= op::kMatches && instruction.op <= op::kRegexReplace) {
      const bool is_replace = instruction.op == op::kRegexReplace;
      const Value* text =
          constant_in(is_replace ? program_.arguments_[instruction.a + 1] : instruction.b);
      instruction.c = 0;
      if (text == nullptr) return instruction;
      auto pattern = Pattern::compile(text->text());
      program_.patterns_.push_back(pattern.ok() ? std::move(pattern.value()) : nullptr);
      instruction.c = static_cast<std::uint32_t>(program_.patterns_.size());
    }
    if (instruction.op >= op::kGetFullYearIn && instruction.op <= op::kGetMillisecondsIn) {
      const Value* name = constant_in(instruction.b);
      instruction.c = 0;
      if (name == nullptr) {
        (void)TimeZones::installed();  // the first call reads them, which no request should
        return instruction;
      }
      program_.time_zones_.push_back(TimeZone::load(name->text()));
      instruction.c = static_cast<std::uint32_t>(program_.time_zones_.size());
    }
    return instruction;
  }

  // The text constant that a register holds; null where it holds something else.
  const Value* constant_in(std::uint32_t index) const {
    const std::uint32_t first = program_.constant_base_;
    if (index < first || index - first >= program_.constants_.size()) return nullptr;
    const Value& value = program_.constants_[index - first];
    return value.kind == Kind::kString ? &value : nullptr;
  }

  // The block that `fold` runs: its registers may be read inside it only, because it may never
  // have run. Gives the kind of the accumulator: that of the first one, where it is a scalar; then
  // every step must give the same.
  Status check_block(const Instruction& fold, std::uint8_t when, Kind& makes) {
    if (fold.c >= blocks_.size() || blocks_[fold.c].is_taken) return refuse("no such block");
    if (++block_depth_ > kMostNestedBlocks) return refuse("blocks nested too deep");
    BlockImage& image = blocks_[fold.c];
    image.is_taken = true;
    const std::size_t outer = inside_.size();
    Block block = std::move(image.block);
    const Kind first_accumulator = kinds_[fold.b];
    makes = is_scalar(first_accumulator) ? first_accumulator : Kind::kDynamic;
    if (!open(block.first, when, Kind::kDynamic) || !open(block.accumulator, when, makes) ||
        (block.second != Block::kNone && !open(block.second, when, Kind::kDynamic))) {
      return refuse("a block's register is taken");
    }
    if (image.words.size() % kWordsPerInstruction != 0) return refuse("code is cut short");
    const std::size_t count = image.words.size() / kWordsPerInstruction;
    if (image.condition_instructions > count) return refuse("a condition longer than its block");
    for (std::size_t i = 0; i < count; ++i) {
      if (i == image.condition_instructions && !program_.is_written(block.condition)) {
        return refuse("a block without a condition");
      }
      const Instruction instruction = instruction_at(image.words, i);
      if (Status s = check_instruction(instruction, when); !s.ok()) return s;
      inside_.push_back(instruction.to);
      (i < image.condition_instructions ? block.condition_code : block.step_code)
          .push_back(prepared(instruction));
    }
    if (!program_.is_written(block.condition) || !fits(kinds_[block.condition], Kind::kBool)) {
      return refuse("a block without a condition");
    }
    if (!program_.is_written(block.step) ||
        (makes != Kind::kDynamic && !fits(kinds_[block.step], makes))) {
      return refuse("a block without a step");
    }
    for (std::size_t i = outer; i < inside_.size(); ++i) program_.written_[inside_[i]] = kInside;
    inside_.resize(outer);
    block.condition_code.push_back(kEndOfCode);
    block.step_code.push_back(kEndOfCode);
    program_.blocks_[fold.c] = std::move(block);
    --block_depth_;
    return {};
  }

  bool open(std::uint32_t index, std::uint8_t when, Kind kind) {
    if (!may_write(index)) return false;
    program_.written_[index] = when;
    kinds_[index] = kind;
    inside_.push_back(index);
    return true;
  }

  static bool is_scalar(Kind kind) {
    return kind == Kind::kBool || kind == Kind::kInt || kind == Kind::kUint ||
           kind == Kind::kDouble || kind == Kind::kString;
  }

  Status write_core_registers() {
    for (const CoreRegister& core : core_registers_) {
      if (!may_write(core.register_index)) {
        return refuse("a model writes to a register that is taken");
      }
      program_.written_[core.register_index] = 2;
      kinds_[core.register_index] = core.kind;
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
    for (int i = 0; i < signature->operands; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (!program_.is_written(reads[at])) return refuse("an operand is read before it is written");
      if (!fits(kinds_[reads[at]], signature->reads[at]))
        return refuse("an operand of another kind");
    }
    if (Status s = check_extra(instruction, signature->extra); !s.ok()) return s;
    if (instruction.place >= program_.places_.size()) return refuse("no such place");
    if (!may_write(instruction.to)) return refuse("a register is written twice");
    Kind makes = signature->makes;
    if (instruction.op == op::kWithConsent) makes = kinds_[instruction.b];
    if (instruction.op == op::kSelect || instruction.op == op::kDefault) {
      const Kind one = kinds_[instruction.op == op::kSelect ? instruction.c : instruction.a];
      const Kind other = kinds_[instruction.b];
      makes = one == Kind::kNone || one == other ? other
              : other == Kind::kNone             ? one
                                                 : Kind::kDynamic;
    }
    if (signature->extra == Extra::kBlock) {
      if (Status s = check_block(instruction, when, makes); !s.ok()) return s;
    }
    program_.written_[instruction.to] = when;
    kinds_[instruction.to] = makes;
    return {};
  }

  Status check_table(const Instruction& instruction, std::uint8_t when) {
    const auto kinds = program_.tables_.kinds_of(instruction.op, instruction.b, instruction.c);
    if (!kinds) return refuse("no such table, lookup or list, or no such operation on it");
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

  Status check_extra(const Instruction& instruction, Extra extra) const {
    switch (extra) {
      case Extra::kSet:
        return instruction.b < program_.sets_.size() ? Status() : refuse("no such set");
      case Extra::kBinning:
        if (instruction.b >= program_.binnings_.size()) return refuse("no such binning");
        return instruction.op == op::kPoints ||
                       program_.binnings_[instruction.b].takes(kinds_[instruction.a])
                   ? Status()
                   : refuse("a value of another kind than its bins");
      case Extra::kMessageType:
        return instruction.b < program_.message_types_.size() ? Status()
                                                              : refuse("no such message");
      case Extra::kArguments:
        return check_arguments(instruction, 1);
      case Extra::kPairs:
        return check_arguments(instruction, 2);
      case Extra::kMakeMessage:
        return check_fields(instruction);
      case Extra::kFour:
        return check_four(instruction);
      default:
        return {};
    }
  }

  bool has_arguments(std::uint32_t first, std::uint64_t count) const {
    return first <= program_.arguments_.size() && count <= program_.arguments_.size() - first;
  }

  Status check_arguments(const Instruction& instruction, std::uint32_t width) const {
    const std::uint64_t count = std::uint64_t{instruction.c} * width;
    if (!has_arguments(instruction.b, count)) return refuse("no such arguments");
    for (std::uint64_t i = 0; i < count; ++i) {
      if (!program_.is_written(program_.arguments_[instruction.b + i])) {
        return refuse("an argument is read before it is written");
      }
    }
    return {};
  }

  Status check_four(const Instruction& instruction) const {
    constexpr std::array<Kind, 4> kKinds = {Kind::kString, Kind::kString, Kind::kString,
                                            Kind::kInt};
    if (!has_arguments(instruction.a, kKinds.size())) return refuse("no such arguments");
    for (std::size_t i = 0; i < kKinds.size(); ++i) {
      const std::uint32_t index = program_.arguments_[instruction.a + i];
      if (!program_.is_written(index)) return refuse("an argument is read before it is written");
      if (!fits(kinds_[index], kKinds[i])) return refuse("an argument of another kind");
    }
    return {};
  }

  Status check_fields(const Instruction& instruction) const {
    if (instruction.a >= program_.message_types_.size()) return refuse("no such message");
    if (!has_arguments(instruction.b, std::uint64_t{instruction.c} * 3)) {
      return refuse("no such arguments");
    }
    for (std::uint32_t i = 0; i < instruction.c; ++i) {
      const std::uint32_t* argument =
          program_.arguments_.data() + instruction.b + std::size_t{3} * i;
      if (argument[0] >= program_.message_types_[instruction.a].fields.size()) {
        return refuse("no such field");
      }
      if (!program_.is_written(argument[1])) {
        return refuse("an argument is read before it is written");
      }
    }
    return {};
  }

  // A register that is always missing has no kind and fits everywhere.
  static bool fits(Kind kind, Kind wanted) {
    return kind == wanted || kind == Kind::kNone || wanted == Kind::kNone;
  }

  // A block as it stands in the image.
  struct BlockImage {
    Block block;
    std::vector<std::uint32_t> words;
    std::uint32_t condition_instructions = 0;
    bool is_taken = false;
  };

  std::span<const Kind> slot_kinds_;
  std::span<const CoreRegister> core_registers_;
  std::vector<std::span<const std::uint8_t>> constants_;
  std::vector<BlockImage> blocks_;
  // Of each message type's fields: the type of its message, plus one.
  std::vector<std::vector<std::uint32_t>> field_types_;
  std::vector<std::uint32_t> inside_;  // registers written in the blocks that are being checked
  int block_depth_ = 0;
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
                               std::span<const CoreRegister> core_registers) {
  return ProgramParser(slot_kinds, core_registers).parse(bytes);
}

}  // namespace fenqi::program
