#include "server/interop_messages.h"

#include "server/protobuf_fields.h"

namespace fenqi::server {
namespace {

std::int32_t as_int32(std::uint64_t value) {
  return static_cast<std::int32_t>(value);
}

bool read_bool_value(std::span<const std::uint8_t> bytes, bool& value) {
  FieldReader fields(bytes);
  value = false;
  while (fields.next()) {
    if (fields.number() == 1) value = fields.integer() != 0;
  }
  return fields.ok();
}

bool read_payload(std::span<const std::uint8_t> bytes, std::size_t& size) {
  FieldReader fields(bytes);
  while (fields.next()) {
    if (fields.number() == 2) size = fields.message().size();
  }
  return fields.ok();
}

bool read_status(std::span<const std::uint8_t> bytes, std::optional<EchoStatus>& status) {
  FieldReader fields(bytes);
  status.emplace();
  while (fields.next()) {
    if (fields.number() == 1) status->code = as_int32(fields.integer());
    if (fields.number() == 2) status->message = fields.bytes();
  }
  return fields.ok();
}

bool read_expectation(std::span<const std::uint8_t> bytes, std::optional<bool>& expected) {
  bool value = false;
  if (!read_bool_value(bytes, value)) return false;
  expected = value;
  return true;
}

bool read_parameters(std::span<const std::uint8_t> bytes, ResponseParameters& parameters) {
  FieldReader fields(bytes);
  bool ok = true;
  while (ok && fields.next()) {
    if (fields.number() == 1) parameters.size = as_int32(fields.integer());
    if (fields.number() == 2) parameters.interval_us = as_int32(fields.integer());
    if (fields.number() == 3) ok = read_bool_value(fields.message(), parameters.compressed);
  }
  return ok && fields.ok();
}

}  // namespace

bool read_simple_request(std::span<const std::uint8_t> bytes, InteropRequest& request) {
  FieldReader fields(bytes);
  bool ok = true;
  while (ok && fields.next()) {
    switch (fields.number()) {
      case 2:
        request.response_size = as_int32(fields.integer());
        break;
      case 3:
        ok = read_payload(fields.message(), request.payload_bytes);
        break;
      case 6:
        ok = read_bool_value(fields.message(), request.response_compressed);
        break;
      case 7:
        ok = read_status(fields.message(), request.response_status);
        break;
      case 8:
        ok = read_expectation(fields.message(), request.expect_compressed);
        break;
      default:
        break;
    }
  }
  return ok && fields.ok();
}

bool read_streaming_input(std::span<const std::uint8_t> bytes, InteropRequest& request) {
  FieldReader fields(bytes);
  bool ok = true;
  while (ok && fields.next()) {
    if (fields.number() == 1) ok = read_payload(fields.message(), request.payload_bytes);
    if (fields.number() == 2) ok = read_expectation(fields.message(), request.expect_compressed);
  }
  return ok && fields.ok();
}

bool read_streaming_output(std::span<const std::uint8_t> bytes, InteropRequest& request) {
  FieldReader fields(bytes);
  bool ok = true;
  while (ok && fields.next()) {
    if (fields.number() == 2) {
      ok = read_parameters(fields.message(), request.responses.emplace_back());
    }
    if (fields.number() == 3) ok = read_payload(fields.message(), request.payload_bytes);
    if (fields.number() == 7) ok = read_status(fields.message(), request.response_status);
  }
  return ok && fields.ok();
}

std::string payload_response(std::size_t size) {
  FieldWriter response;
  if (size > 0) {
    FieldWriter payload;
    payload.bytes(2, std::string(size, '\0'));
    response.bytes(1, payload.message());
  }
  return response.message();
}

std::string aggregate_response(std::size_t aggregated_payload_size) {
  FieldWriter response;
  if (aggregated_payload_size > 0) response.integer(1, aggregated_payload_size);
  return response.message();
}

}  // namespace fenqi::server
