// Reads the fields of one message of a request by hand, and says of what is wrong where it stands:
// "loan.charges[3].rate".
//
//   FieldReader fields(request, {});
//   while (fields.next()) {
//     switch (fields.number()) {
//       case 1: loan.principal_fen = fields.int64("principal_fen"); break;
//       case 2: ... FieldReader charge(fields.message("charges"), {&path, "charges", 3});
//     }
//   }
//   return fields.status();
//
// The first fault ends the reading: next() is false from then on. Unknown fields are stepped over,
// of several values of a field the last one wins, as in google.protobuf. Allocates only where it
// fails.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "wire/decode.h"

namespace fenqi::quoting {

// Where a message stands in the request; lent by the readers above it.
struct FieldPath {
  const FieldPath* parent = nullptr;
  std::string_view name = {};
  int index = -1;  // of a repeated field

  // "loan.charges[3].rate" for the leaf "rate".
  std::string with(std::string_view leaf) const;
};

class FieldReader {
 public:
  // `path` is that of the message whose `bytes` these are; the request's own has no name.
  FieldReader(std::span<const std::uint8_t> bytes, const FieldPath& path)
      : reader_(bytes), path_(path) {}

  bool next() { return status_.ok() && reader_.next(); }
  std::uint32_t number() const { return reader_.number(); }

  // The value of the current field; `name` is what a fault calls it. The smallest value or an empty
  // one after a fault.
  std::int64_t int64(const char* name);
  std::int32_t int32(const char* name);
  // 0 .. `largest`, for enums.
  std::uint32_t choice(const char* name, std::uint32_t largest);
  // A rate 0 .. 100 in units of 10^-12: the decimal that the double was written as.
  std::int64_t rate(const char* name);
  // A finite number.
  double number(const char* name);
  // UTF-8 of at most `most_bytes`; a view into the request.
  std::string_view text(const char* name, std::size_t most_bytes);
  // Packed or not; at most `most` in all.
  void append(const char* name, std::vector<std::int32_t>& values, std::size_t most);
  std::span<const std::uint8_t> message(const char* name);

  // Ends the reading.
  void fail(const char* name, std::string what);
  void fail(Status status);
  // After next() was false.
  Status status();

 private:
  bool expect(const char* name, wire::WireType type);

  wire::MessageReader reader_;
  const FieldPath& path_;
  Status status_;
};

}  // namespace fenqi::quoting
