#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "tables/row_sets.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

using namespace fenqi::tables;

namespace {

std::vector<std::size_t> rows_in(std::span<const RowSet> sets, const RowBlocks& blocks,
                                 std::size_t row_count) {
  std::vector<std::size_t> rows;
  intersect(sets, blocks, row_count, [&](std::size_t row) {
    rows.push_back(row);
    return true;
  });
  return rows;
}

}  // namespace

TEST_CASE("an intersection has the rows that all sets have, dense and sparse") {
  std::mt19937 chosen(7);
  for (const std::size_t row_count : {1u, 63u, 64u, 511u, 512u, 513u, 40000u}) {
    RowBlocks blocks;
    std::vector<RowSets> inputs(3);
    std::vector<std::vector<bool>> expected(3, std::vector<bool>(row_count));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      RowSetWriter writer(row_count, blocks, inputs[i]);
      writer.append();
      // The first set is full of rows, the second has few, the third begins with all.
      if (i == 2) {
        for (std::size_t row = 0; row < row_count; ++row) {
          writer.flip(row);
          expected[i][row] = true;
        }
      }
      const std::size_t flips = i == 1 ? 20 : 2 * row_count / 3;
      for (std::size_t flip = 0; flip < flips; ++flip) {
        const std::size_t row = chosen() % row_count;
        writer.flip(row);
        expected[i][row] = !expected[i][row];
      }
      writer.append();
    }
    std::vector<std::size_t> common;
    for (std::size_t row = 0; row < row_count; ++row) {
      if (expected[0][row] && expected[1][row] && expected[2][row]) common.push_back(row);
    }
    const std::vector<RowSet> sets = {inputs[0][1], inputs[1][1], inputs[2][1]};
    CHECK(rows_in(sets, blocks, row_count) == common);
    const std::vector<RowSet> with_empty = {inputs[0][1], inputs[1][0]};
    CHECK(rows_in(with_empty, blocks, row_count).empty());
  }
}

TEST_CASE("equal blocks are kept once") {
  RowBlocks blocks;
  RowSets sets;
  RowSetWriter writer(512 * 100, blocks, sets);
  const std::size_t before = blocks.bytes();
  for (std::size_t block = 0; block < 100; ++block) writer.flip(512 * block + 5);
  for (int copy = 0; copy < 10; ++copy) writer.append();
  CHECK(blocks.bytes() == before + sizeof(RowBlock));
}

TEST_CASE("a visit may stop") {
  RowBlocks blocks;
  RowSets sets;
  RowSetWriter writer(2000, blocks, sets);
  for (const std::size_t row : {700u, 900u, 1999u}) writer.flip(row);
  writer.append();
  const RowSet set = sets[0];
  std::size_t seen = 0;
  intersect(std::span(&set, 1), blocks, 2000, [&](std::size_t row) {
    CHECK(row == 700);
    ++seen;
    return false;
  });
  CHECK(seen == 1);
}
