// A compiled policy: straight-line code over typed registers.
//
// The register file is the row, then the constants, then what the core writes between the parts,
// then temporaries. Every instruction writes one register and reads registers written before it;
// there are no jumps. An operand that turns out not to matter may hold an error that nobody asks
// for. A comprehension is one instruction that names a block: straight code, run once for each
// element over registers of its own. What that may cost is bounded by the request's budget.
//
// Semantics are CEL's, with missing data as a third state: see Op in
// proto/fenqi/internal/v1/release_image.proto. A Program is immutable and shared.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/scratch.h"
#include "base/value.h"
#include "program/binning.h"
#include "program/constants.h"
#include "program/messages.h"
#include "program/patterns.h"
#include "program/time_zone.h"
#include "tables/tables.h"

namespace fenqi::program {

// Where in the policy something comes from.
struct Place {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string owner;  // "feature utilisation_now"
};

struct NamedRegister {
  std::string name;
  std::uint32_t register_index = 0;
};

// A register that the core itself writes between the two parts of a program.
struct CoreRegister {
  std::uint32_t register_index = 0;
  Kind kind = Kind::kNone;
};

// a, b and c are registers or what the operation's signature says (for operations on tables,
// lookups and lists, b is one of these and c a column); place is an index into places().
struct Instruction {
  std::uint32_t op = 0;
  std::uint32_t to = 0;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
  std::uint32_t place = 0;
};

// Ends every list of instructions: the machine then need not count them. No operation.
inline constexpr Instruction kEndOfCode{};

// Sorted constants for IN.
struct ConstantSet {
  std::vector<std::int64_t> ints;
  std::vector<std::uint64_t> uints;
  std::vector<double> doubles;
  std::vector<std::string> strings;
};

// What a comprehension runs for each element; see Block in release_image.proto.
struct Block {
  static constexpr std::uint32_t kNone = UINT32_MAX;

  std::uint32_t first = 0;
  std::uint32_t second = kNone;
  std::uint32_t accumulator = 0;
  std::uint32_t condition = 0;
  std::uint32_t step = 0;
  std::vector<Instruction> condition_code;  // like all code, up to kEndOfCode
  std::vector<Instruction> step_code;
};

// The work of one request: about 10 ms at the most.
inline constexpr std::uint64_t kWorkOfRequest = 1'000'000;

class Program {
 public:
  Program() = default;

  // Reads and checks a serialized fenqi.internal.v1.Program whose first registers are the row, of
  // kinds `slot_kinds`, and in which the core writes `core_registers` between the parts. Every
  // operand must be of the operation's kind and written before it is read. Fails with
  // FAILED_PRECONDITION.
  static Result<Program> parse(std::span<const std::uint8_t> bytes,
                               std::span<const Kind> slot_kinds,
                               std::span<const CoreRegister> core_registers);

  std::uint32_t register_count() const { return register_count_; }
  std::span<const NamedRegister> named() const { return named_; }
  std::span<const Place> places() const { return places_; }

  // True where `register_index` holds a value once the whole program has run.
  bool is_written(std::uint32_t register_index) const;
  // True where it does before the models run.
  bool is_written_before_models(std::uint32_t register_index) const;

  // The kind of what `register_index` holds when it is neither missing nor an error; kDynamic where
  // that is known only at run time, kNone where it is always missing. Only for registers below
  // register_count().
  Kind kind_of(std::uint32_t register_index) const { return kinds_[register_index]; }

  // What instructions refer to.
  const tables::Tables& tables() const { return tables_; }
  std::span<const ConstantSet> sets() const { return sets_; }
  std::span<const Binning> binnings() const { return binnings_; }
  std::span<const std::uint32_t> arguments() const { return arguments_; }
  std::span<const Block> blocks() const { return blocks_; }
  std::span<const MessageType> message_types() const { return message_types_; }
  // Of constants; null or nothing where the constant is no pattern or time zone.
  const Pattern* pattern(std::size_t i) const { return patterns_[i].get(); }
  const std::optional<TimeZone>& time_zone(std::size_t i) const { return time_zones_[i]; }

  // Puts the constants into their registers; once for each register file. Strings are views into
  // the program, which must outlive the registers.
  void load_constants(std::span<Value> registers) const;

  // Run the instructions before and after the models. `registers` holds register_count() values,
  // the row filled from `request`. What the code makes lives in the scratch's arena; where its
  // budget is spent, results are errors. Nothing is taken from the heap, except by regular
  // expressions that only the request knows, which `patterns` keeps.
  void run_before_models(std::span<Value> registers, std::span<const std::uint8_t> request,
                         Scratch& scratch, PatternCache& patterns) const;
  void run_after_models(std::span<Value> registers, std::span<const std::uint8_t> request,
                        Scratch& scratch, PatternCache& patterns) const;

 private:
  friend class ProgramParser;

  std::uint32_t register_count_ = 0;
  std::uint32_t constant_base_ = 0;
  std::vector<Value> constants_;
  ConstantPool constant_pool_;
  std::vector<Instruction> before_models_{kEndOfCode};
  std::vector<Instruction> after_models_{kEndOfCode};
  std::vector<ConstantSet> sets_;
  std::vector<Binning> binnings_;
  tables::Tables tables_;
  std::vector<std::uint32_t> arguments_;
  std::vector<Block> blocks_;
  std::vector<MessageType> message_types_;
  std::vector<std::unique_ptr<const Pattern>> patterns_;
  std::vector<std::optional<TimeZone>> time_zones_;
  std::vector<Place> places_;
  std::vector<NamedRegister> named_;
  // For each register: 0 never written, 1 before the models, 2 after, 3 inside a block.
  std::vector<std::uint8_t> written_;
  std::vector<Kind> kinds_;
};

// "division by zero at policies/x.yaml:12:5 (feature utilisation_now)". `value` must be an error.
std::string describe_error(const Value& value, const Program& program);

// "division by zero".
const char* error_text(ErrorCode code);

}  // namespace fenqi::program
