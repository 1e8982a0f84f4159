// The messages of grpc/testing/messages.proto, as far as the interop methods read and write them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fenqi::server {

struct EchoStatus {
  std::int32_t code = 0;
  std::string message;
};

struct ResponseParameters {
  std::int32_t size = 0;
  std::int32_t interval_us = 0;
  bool compressed = false;
};

// SimpleRequest, StreamingInputCallRequest and StreamingOutputCallRequest in one: each leaves the
// other's fields empty.
struct InteropRequest {
  std::size_t payload_bytes = 0;
  std::int32_t response_size = 0;
  bool response_compressed = false;
  std::optional<bool> expect_compressed;
  std::optional<EchoStatus> response_status;
  std::vector<ResponseParameters> responses;
};

// Each is false when the bytes are not such a message.
bool read_simple_request(std::span<const std::uint8_t> bytes, InteropRequest& request);
bool read_streaming_input(std::span<const std::uint8_t> bytes, InteropRequest& request);
bool read_streaming_output(std::span<const std::uint8_t> bytes, InteropRequest& request);

// SimpleResponse and StreamingOutputCallResponse: a payload of so many zero bytes.
std::string payload_response(std::size_t size);
// StreamingInputCallResponse.
std::string aggregate_response(std::size_t aggregated_payload_size);

}  // namespace fenqi::server
