#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "program/schedule.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "fenqi/contract.h"

namespace {

namespace op = fenqi::contract::op;
using fenqi::program::Instruction;
using fenqi::program::schedule;

constexpr std::uint32_t kRow = 10;

// Straight code over a row of ten registers: each instruction reads registers written before it.
std::vector<Instruction> random_code(std::size_t length, std::mt19937& random) {
  constexpr std::uint32_t kOps[] = {op::kAnd, op::kOr, op::kNot, op::kSelect, op::kMakeList};
  std::vector<Instruction> code;
  for (std::uint32_t i = 0; i < length; ++i) {
    const auto any = [&] { return static_cast<std::uint32_t>(random() % (kRow + i)); };
    code.push_back({kOps[random() % std::size(kOps)], kRow + i, any(), any(), any(), i});
  }
  return code;
}

std::size_t changes_of_operation(const std::vector<Instruction>& code) {
  std::size_t changes = 0;
  for (std::size_t i = 1; i < code.size(); ++i) changes += code[i].op != code[i - 1].op ? 1 : 0;
  return changes;
}

TEST_CASE("every instruction still runs once, after what it reads") {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    const std::vector<Instruction> code = random_code(1 + random() % 80, random);
    std::vector<Instruction> scheduled = code;
    schedule(scheduled, kRow + 80);
    REQUIRE(scheduled.size() == code.size());
    std::vector<bool> written(kRow + 80, false);
    std::fill_n(written.begin(), kRow, true);
    for (const Instruction& instruction : scheduled) {
      const Instruction& original = code[instruction.place];
      CHECK(instruction.op == original.op);
      CHECK(instruction.to == original.to);
      CHECK(instruction.a == original.a);
      CHECK(!written[instruction.to]);
      const int reads = instruction.op == op::kNot ? 1 : instruction.op == op::kSelect ? 3 : 2;
      CHECK(written[instruction.a]);
      if (reads >= 2 && instruction.op != op::kMakeList) CHECK(written[instruction.b]);
      if (reads >= 3) CHECK(written[instruction.c]);
      written[instruction.to] = true;
    }
  }
}

TEST_CASE("an instruction that reads more than its operands keeps its place") {
  std::mt19937 random(5);
  const std::vector<Instruction> code = random_code(80, random);
  std::vector<Instruction> scheduled = code;
  schedule(scheduled, kRow + 80);
  for (std::size_t i = 0; i < code.size(); ++i) {
    CHECK((code[i].op == op::kMakeList) == (scheduled[i].op == op::kMakeList));
    if (code[i].op == op::kMakeList) CHECK(scheduled[i].to == code[i].to);
  }
}

TEST_CASE("independent conditions become one row of each operation") {
  std::vector<Instruction> code;
  for (std::uint32_t i = 0; i < 20; ++i) {
    code.push_back({op::kNot, kRow + 2 * i, i % kRow, 0, 0, 0});
    code.push_back({op::kAnd, kRow + 2 * i + 1, kRow + 2 * i, (i + 1) % kRow, 0, 0});
  }
  CHECK(changes_of_operation(code) == 39);
  schedule(code, kRow + 40);
  CHECK(changes_of_operation(code) == 1);
}

}  // namespace
