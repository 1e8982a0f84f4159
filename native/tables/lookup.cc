#include "tables/lookup.h"

#include <algorithm>
#include <cmath>

#include "fenqi/contract.h"
#include "tables/value_set.h"
#include "wire/decode.h"

namespace fenqi::tables {
namespace {

namespace image = contract::internal;

// Classes that keys may take in turn while a lookup is loaded: less than a second of work.
constexpr std::uint64_t kMostAssignments = 1u << 28;

}  // namespace

Result<Lookup> Lookup::parse(std::span<const std::uint8_t> bytes) {
  Lookup lookup;
  if (Status s = lookup.read(bytes); !s.ok()) return s;
  return lookup;
}

Status Lookup::read(std::span<const std::uint8_t> bytes) {
  const auto refuse = [&](const std::string& what) {
    return error(StatusCode::kFailedPrecondition, "release image, lookup " + name_ + ": " + what);
  };
  std::vector<ValueSet> keys;
  wire::MessageReader reader(bytes);
  bool ok = true;
  while (ok && reader.next()) {
    switch (reader.number()) {
      case image::lookup::kName:
        name_ = reader.text();
        break;
      case image::lookup::kKind:
        kind_ = kind_of_key(reader.bits32());
        break;
      case image::lookup::kKeys:
        ok = read_value_set(reader.payload(), keys.emplace_back());
        break;
      case image::lookup::kOtherRowPlusOne:
        other_row_ = reader.bits32();
        break;
      case image::lookup::kColumns:
        ok = columns_.append(reader.payload());
        break;
      default:
        break;
    }
  }
  if (!ok || !reader.ok() || kind_ == Kind::kNone) return refuse("damaged bytes");
  if (!columns_.have(keys.size()) || other_row_ > keys.size()) return refuse("a row is not there");
  partition_ = Partition(kind_, keys);
  row_of_class_.assign(partition_.size(), other_row_);
  std::uint64_t assignments = 0;
  for (std::size_t row = 0; row < keys.size(); ++row) {
    for (const ClassRange& range : partition_.ranges_of(keys[row])) {
      assignments += range.end - range.begin;
      if (assignments > kMostAssignments) return refuse("too many keys within keys");
      std::fill(row_of_class_.begin() + range.begin, row_of_class_.begin() + range.end,
                static_cast<std::uint32_t>(row) + 1);
    }
  }
  return {};
}

std::uint32_t Lookup::row_of(const Value& key) const {
  if (key.kind == Kind::kDouble && std::isnan(key.d)) return other_row_;
  return row_of_class_[partition_.class_of(key)];
}

}  // namespace fenqi::tables
