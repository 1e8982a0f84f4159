// The right side of `x in lists.name`: values, prefixes and ranges, or the hashes of strings that a
// policy file should not show.
//
// Immutable and shared by threads. contains() takes nothing from the heap, except for the first
// hashed list that a thread looks into.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "base/value.h"
#include "tables/partition.h"

namespace fenqi::tables {

class ValueList {
 public:
  // Reads a serialized fenqi.internal.v1.ValueList. Fails with FAILED_PRECONDITION.
  static Result<ValueList> parse(std::span<const std::uint8_t> bytes);

  const std::string& name() const { return name_; }
  Kind kind() const { return kind_; }

  // Whether the list holds an ok value of its kind.
  bool contains(const Value& value) const;

 private:
  Status read(std::span<const std::uint8_t> bytes);

  std::string name_;
  Kind kind_ = Kind::kNone;
  Partition partition_;
  std::vector<bool> holds_class_;
  bool is_hashed_ = false;
  std::string salt_;
  std::vector<Digest> digests_;  // sorted
};

}  // namespace fenqi::tables
