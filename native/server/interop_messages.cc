#include "server/interop_messages.h"

#include "wire/decode.h"
#include "wire/writer.h"

namespace fenqi::server {
namespace {

std::int32_t as_int32(std::uint64_t value) {
  return static_cast<std::int32_t>(value);
}

bool read_bool_value(std::span<const std::uint8_t> bytes, bool& value) {
  wire::MessageReader fields(bytes);
  value = false;
  while (fields.next()) {
    if (fields.number() == 1) value = fields.bits() != 0;
  }
  return fields.ok();
}

bool read_payload(std::span<const std::uint8_t> bytes, std::size_t& size) {
  wire::MessageReader fields(bytes);
  while (fields.next()) {
    if (fields.number() == 2) size = fields.payload().size();
  }
  return fields.ok();
}

bool read_status(std::span<const std::uint8_t> bytes, std::optional<EchoStatus>& status) {
  wire::MessageReader fields(bytes);
  status.emplace();
  while (fields.next()) {
    if (fields.number() == 1) status->code = as_int32(fields.bits());
    if (fields.number() == 2) status->message = fields.text();
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
  wire::MessageReader fields(bytes);
  bool ok = true;
  while (ok && fields.next()) {
    if (fields.number() == 1) parameters.size = as_int32(fields.bits());
    if (fields.number() == 2) parameters.interval_us = as_int32(fields.bits());
    if (fields.number() == 3) ok = read_bool_value(fields.payload(), parameters.compressed);
  }
  return ok && fields.ok();
}

}  // namespace

bool read_simple_request(std::span<const std::uint8_t> bytes, InteropRequest& request) {
  wire::MessageReader fields(bytes);
  bool ok = true;
  while (ok && fields.next()) {
    switch (fields.number()) {
      case 2:
        request.response_size = as_int32(fields.bits());
        break;
      case 3:
        ok = read_payload(fields.payload(), request.payload_bytes);
        break;
      case 6:
        ok = read_bool_value(fields.payload(), request.response_compressed);
        break;
      case 7:
        ok = read_status(fields.payload(), request.response_status);
        break;
      case 8:
        ok = read_expectation(fields.payload(), request.expect_compressed);
        break;
      default:
        break;
    }
  }
  return ok && fields.ok();
}

bool read_streaming_input(std::span<const std::uint8_t> bytes, InteropRequest& request) {
  wire::MessageReader fields(bytes);
  bool ok = true;
  while (ok && fields.next()) {
    if (fields.number() == 1) ok = read_payload(fields.payload(), request.payload_bytes);
    if (fields.number() == 2) ok = read_expectation(fields.payload(), request.expect_compressed);
  }
  return ok && fields.ok();
}

bool read_streaming_output(std::span<const std::uint8_t> bytes, InteropRequest& request) {
  wire::MessageReader fields(bytes);
  bool ok = true;
  while (ok && fields.next()) {
    if (fields.number() == 2) {
      ok = read_parameters(fields.payload(), request.responses.emplace_back());
    }
    if (fields.number() == 3) ok = read_payload(fields.payload(), request.payload_bytes);
    if (fields.number() == 7) ok = read_status(fields.payload(), request.response_status);
  }
  return ok && fields.ok();
}

std::string payload_response(std::size_t size) {
  wire::MessageWriter response;
  if (size > 0) {
    wire::MessageWriter payload;
    payload.string(2, std::string(size, '\0'));
    response.string(1, payload.text());
  }
  return std::string(response.text());
}

std::string aggregate_response(std::size_t aggregated_payload_size) {
  wire::MessageWriter response;
  if (aggregated_payload_size > 0) response.uint(1, aggregated_payload_size);
  return std::string(response.text());
}

}  // namespace fenqi::server
