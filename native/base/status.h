// How a call ended: a gRPC status code, a sentence for the caller, and where in the request the
// fault lies. Errors are values in the core; nothing on the request path throws.
//
// A Status owns nothing on the good path. Building a bad one may allocate: a failed call is not
// the steady state.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace fenqi {

// The numbers are gRPC's (google.rpc.Code).
enum class StatusCode : std::uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// One google.rpc.BadRequest.FieldViolation: `field` is a path such as
// "application.income_sources[2].monthly_amount_fen".
struct FieldViolation {
  std::string field;
  std::string description;
};

struct [[nodiscard]] Status {
  StatusCode code = StatusCode::kOk;
  std::string message;
  std::vector<FieldViolation> violations;

  bool ok() const { return code == StatusCode::kOk; }
};

inline Status error(StatusCode code, std::string message) {
  return {code, std::move(message), {}};
}

// The request cannot be answered as it stands: `field` is wrong, `what` says why and what to do.
inline Status invalid_field(std::string field, std::string what) {
  std::string message = field + ": " + what;
  std::vector<FieldViolation> violations;
  violations.push_back({std::move(field), std::move(what)});
  return {StatusCode::kInvalidArgument, std::move(message), std::move(violations)};
}

}  // namespace fenqi
