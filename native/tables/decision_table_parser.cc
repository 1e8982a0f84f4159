// DecisionTable::parse: from a serialized fenqi.internal.v1.DecisionTable to its index.
#include <algorithm>
#include <numeric>

#include "fenqi/contract.h"
#include "tables/decision_table.h"
#include "tables/value_set.h"
#include "wire/decode.h"

namespace fenqi::tables {
namespace {

namespace image = contract::internal;
using wire::MessageReader;

// A list of all rows of a table is then at most 2 MiB of a request's memory.
constexpr std::uint32_t kMostRows = 1u << 17;
// Rows that come into a set or go out of one while an index is built: some seconds of work.
constexpr std::uint64_t kMostFlips = 1u << 27;

struct CellImage {
  bool present = false;
  ValueSet values;
  std::uint32_t when_missing = contract::when_missing::kUnknown;
};

struct InputImage {
  std::uint32_t register_index = 0;
  Kind kind = Kind::kNone;
  std::vector<CellImage> cells;
  std::vector<std::uint32_t> cell_of_row;
};

bool read_cell(std::span<const std::uint8_t> bytes, CellImage& cell) {
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::cell::kPresent:
        cell.present = reader.bits() != 0;
        break;
      case image::cell::kValues:
        if (!read_value_set(reader.payload(), cell.values)) return false;
        break;
      case image::cell::kWhenMissing:
        cell.when_missing = reader.bits32();
        break;
      default:
        break;
    }
  }
  return reader.ok() && cell.when_missing <= contract::when_missing::kFails;
}

bool read_input(std::span<const std::uint8_t> bytes, InputImage& input) {
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::table_input::kRegister:
        input.register_index = reader.bits32();
        break;
      case image::table_input::kKind:
        input.kind = kind_of_key(reader.bits32());
        break;
      case image::table_input::kCells:
        if (!read_cell(reader.payload(), input.cells.emplace_back())) return false;
        break;
      case image::table_input::kCellOfRow:
        if (!wire::append_varints(reader, input.cell_of_row, wire::saturate32)) return false;
        break;
      default:
        break;
    }
  }
  const std::size_t count = input.cells.size();
  return reader.ok() && input.kind != Kind::kNone &&
         std::all_of(input.cell_of_row.begin(), input.cell_of_row.end(),
                     [&](std::uint32_t cell) { return cell < count; });
}

}  // namespace

class DecisionTableParser {
 public:
  Result<DecisionTable> parse(std::span<const std::uint8_t> bytes) {
    if (!read(bytes)) return refuse("damaged bytes");
    if (table_.row_count_ > kMostRows) return refuse("more than 131,072 rows");
    if (inputs_.size() > kMostInputs) return refuse("more than 64 inputs");
    if (!table_.outputs_.have(table_.row_count_)) return refuse("an output lacks rows");
    if (!is_order()) return refuse("the preference does not name every row once");
    for (const InputImage& input : inputs_) {
      if (input.cell_of_row.size() != table_.row_count_) return refuse("an input lacks rows");
      if (Status s = index(input); !s.ok()) return s;
    }
    table_.blocks_.finish();
    return std::move(table_);
  }

 private:
  Status refuse(const std::string& what) const {
    return error(StatusCode::kFailedPrecondition,
                 "release image, table " + table_.name_ + ": " + what);
  }

  bool read(std::span<const std::uint8_t> bytes) {
    MessageReader reader(bytes);
    while (reader.next()) {
      switch (reader.number()) {
        case image::decision_table::kName:
          table_.name_ = reader.text();
          break;
        case image::decision_table::kHitPolicy:
          if (reader.bits() < contract::hit_policy::kUnique ||
              reader.bits() > contract::hit_policy::kAll) {
            return false;
          }
          table_.hit_policy_ = static_cast<HitPolicy>(reader.bits());
          break;
        case image::decision_table::kRowCount:
          table_.row_count_ = reader.bits32();
          break;
        case image::decision_table::kInputs:
          if (!read_input(reader.payload(), inputs_.emplace_back())) return false;
          break;
        case image::decision_table::kOutputs:
          if (!table_.outputs_.append(reader.payload())) return false;
          break;
        case image::decision_table::kPreference:
          if (!wire::append_varints(reader, table_.row_at_, wire::saturate32)) return false;
          break;
        default:
          break;
      }
    }
    return reader.ok();
  }

  // Whether row_at_, filled where the image leaves it out, has every row once.
  bool is_order() {
    std::vector<std::uint32_t>& row_at = table_.row_at_;
    if (row_at.empty()) {
      row_at.resize(table_.row_count_);
      std::iota(row_at.begin(), row_at.end(), 0u);
    }
    if (row_at.size() != table_.row_count_) return false;
    std::vector<bool> seen(row_at.size());
    for (const std::uint32_t row : row_at) {
      if (row >= seen.size() || seen[row]) return false;
      seen[row] = true;
    }
    return true;
  }

  // The places of the rows of each cell.
  std::vector<std::vector<std::uint32_t>> places_of_cells(const InputImage& input) const {
    std::vector<std::vector<std::uint32_t>> places(input.cells.size());
    for (std::uint32_t place = 0; place < table_.row_count_; ++place) {
      places[input.cell_of_row[table_.row_at_[place]]].push_back(place);
    }
    return places;
  }

  Status index(const InputImage& from) {
    TableInput input;
    input.register_index = from.register_index;
    input.kind = from.kind;
    std::vector<ValueSet> sets;
    sets.reserve(from.cells.size());
    for (const CellImage& cell : from.cells) sets.push_back(cell.values);
    input.partition = Partition(from.kind, sets);
    const std::vector<std::vector<std::uint32_t>> places = places_of_cells(from);
    if (Status s = write_classes(from, places, input); !s.ok()) return s;
    write_exceptions(from, places, input);
    if (index_bytes(input) > kMostIndexBytes) return too_large();
    table_.inputs_.push_back(std::move(input));
    return {};
  }

  // The rows of each class, by going through the classes and looking only at cells that begin or
  // end there.
  Status write_classes(const InputImage& from,
                       const std::vector<std::vector<std::uint32_t>>& places, TableInput& input) {
    struct Change {
      std::uint32_t at;
      std::uint32_t cell;
    };
    const std::uint32_t classes = input.partition.size();
    std::vector<Change> changes;
    for (std::uint32_t cell = 0; cell < from.cells.size(); ++cell) {
      if (places[cell].empty()) continue;
      std::vector<ClassRange> ranges = {{0, classes}};
      if (!from.cells[cell].present) ranges = input.partition.ranges_of(from.cells[cell].values);
      for (const ClassRange& range : ranges) {
        changes.push_back({range.begin, cell});
        if (range.end < classes) changes.push_back({range.end, cell});
        flips_ += 2 * places[cell].size();
      }
      if (flips_ > kMostFlips) return too_large();
    }
    std::sort(changes.begin(), changes.end(),
              [](const Change& a, const Change& b) { return a.at < b.at; });
    RowSetWriter writer(table_.row_count_, table_.blocks_, input.rows);
    std::size_t next = 0;
    for (std::uint32_t at = 0; at < classes; ++at) {
      for (; next < changes.size() && changes[next].at == at; ++next) {
        for (const std::uint32_t place : places[changes[next].cell]) writer.flip(place);
      }
      writer.append();
      if (index_bytes(input) > kMostIndexBytes) return too_large();
    }
    return {};
  }

  // The rows that hold for NaN, for a missing input, and that hold for it or may.
  void write_exceptions(const InputImage& from,
                        const std::vector<std::vector<std::uint32_t>>& places, TableInput& input) {
    const auto write = [&](auto holds) {
      RowSetWriter writer(table_.row_count_, table_.blocks_, input.rows);
      for (std::size_t cell = 0; cell < from.cells.size(); ++cell) {
        if (!holds(from.cells[cell])) continue;
        for (const std::uint32_t place : places[cell]) writer.flip(place);
      }
      writer.append();
    };
    write([](const CellImage& cell) { return cell.present; });
    write(
        [](const CellImage& cell) { return cell.when_missing == contract::when_missing::kHolds; });
    write(
        [](const CellImage& cell) { return cell.when_missing != contract::when_missing::kFails; });
  }

  std::size_t index_bytes(const TableInput& input) const {
    return table_.index_bytes() + input.rows.bytes();
  }

  Status too_large() const {
    return refuse("its index would take more than " + std::to_string(kMostIndexBytes >> 20) +
                  " MiB; split the table");
  }

  DecisionTable table_;
  std::vector<InputImage> inputs_;
  std::uint64_t flips_ = 0;
};

Result<DecisionTable> DecisionTable::parse(std::span<const std::uint8_t> bytes) {
  return DecisionTableParser().parse(bytes);
}

}  // namespace fenqi::tables
