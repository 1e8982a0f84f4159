#include "tables/value_list.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "fenqi/contract.h"
#include "tables/value_set.h"
#include "wire/decode.h"

namespace fenqi::tables {

namespace image = contract::internal;

Result<ValueList> ValueList::parse(std::span<const std::uint8_t> bytes) {
  ValueList list;
  if (Status s = list.read(bytes); !s.ok()) return s;
  return list;
}

Status ValueList::read(std::span<const std::uint8_t> bytes) {
  const auto refuse = [&](const std::string& what) {
    return error(StatusCode::kFailedPrecondition, "release image, list " + name_ + ": " + what);
  };
  ValueSet values;
  wire::MessageReader reader(bytes);
  bool ok = true;
  while (ok && reader.next()) {
    switch (reader.number()) {
      case image::value_list::kName:
        name_ = reader.text();
        break;
      case image::value_list::kKind:
        kind_ = kind_of_key(reader.bits32());
        break;
      case image::value_list::kValues:
        ok = read_value_set(reader.payload(), values);
        break;
      case image::value_list::kDigests: {
        const std::span<const std::uint8_t> payload = reader.payload();
        ok = payload.size() % sizeof(Digest) == 0;
        is_hashed_ = true;
        digests_.resize(payload.size() / sizeof(Digest));
        if (ok && !payload.empty()) std::memcpy(digests_.data(), payload.data(), payload.size());
        break;
      }
      case image::value_list::kSalt:
        salt_ = reader.text();
        break;
      default:
        break;
    }
  }
  if (!ok || !reader.ok() || kind_ == Kind::kNone) return refuse("damaged bytes");
  if (is_hashed_ && kind_ != Kind::kString) return refuse("only strings are hashed");
  std::sort(digests_.begin(), digests_.end());
  partition_ = Partition(kind_, {&values, 1});
  holds_class_.assign(partition_.size(), false);
  for (const ClassRange& range : partition_.ranges_of(values)) {
    std::fill(holds_class_.begin() + range.begin, holds_class_.begin() + range.end, true);
  }
  return {};
}

bool ValueList::contains(const Value& value) const {
  if (is_hashed_) {
    return std::binary_search(digests_.begin(), digests_.end(), sha256(salt_, value.text()));
  }
  if (kind_ == Kind::kDouble && std::isnan(value.d)) return false;
  return holds_class_[partition_.class_of(value)];
}

}  // namespace fenqi::tables
