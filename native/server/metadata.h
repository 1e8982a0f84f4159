// Header fields kept in one block of memory that is reused from call to call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base64.h"

namespace fenqi::server {

// One field to send. `name` is lower-case; when it ends in "-bin", `value` is the raw bytes and the
// front writes the base64.
struct MetadataEntry {
  std::string_view name;
  std::string_view value;
};

// An ordered list of fields; names may repeat. Views stay good until the next add or clear.
class Metadata {
 public:
  void add(std::string_view name, std::string_view value) {
    entries_.push_back({static_cast<std::uint32_t>(text_.size()),
                        static_cast<std::uint32_t>(name.size()),
                        static_cast<std::uint32_t>(value.size())});
    text_ += name;
    text_ += value;
  }
  void clear() {
    text_.clear();
    entries_.clear();
  }
  std::size_t size() const { return entries_.size(); }
  // As on the wire: "-bin" values are still base64.
  MetadataEntry operator[](std::size_t i) const {
    const Entry& entry = entries_[i];
    const std::string_view text = text_;
    return {text.substr(entry.offset, entry.name_size),
            text.substr(entry.offset + entry.name_size, entry.value_size)};
  }
  // The first field of that name.
  std::optional<std::string_view> find(std::string_view name) const {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (const MetadataEntry entry = (*this)[i]; entry.name == name) return entry.value;
    }
    return std::nullopt;
  }
  // The decoded bytes of a "-bin" field; nothing when it is absent or not base64. Allocates.
  std::optional<std::string> find_binary(std::string_view name) const {
    const std::optional<std::string_view> text = find(name);
    return text ? base64_decode(*text) : std::nullopt;
  }

 private:
  struct Entry {
    std::uint32_t offset;
    std::uint32_t name_size;
    std::uint32_t value_size;
  };
  std::string text_;
  std::vector<Entry> entries_;
};

}  // namespace fenqi::server
