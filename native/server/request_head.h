// The header list of one request: the fields that the front acts on, and the rest as metadata.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "server/metadata.h"

namespace fenqi::server {

class RequestHead {
 public:
  void clear();
  // Fields past `max_list_bytes` (RFC 9113's measure) are counted and not kept.
  void add(std::string_view name, std::string_view value, std::size_t max_list_bytes);

  std::string_view path() const { return path_; }
  std::string_view method() const { return method_; }
  const Metadata& metadata() const { return metadata_; }
  bool too_large() const { return too_large_; }
  // content-type is application/grpc, alone or followed by '+' or ';'.
  bool is_grpc() const { return is_grpc_; }
  // Empty when absent.
  std::string_view timeout() const { return field(timeout_); }
  std::string_view encoding() const { return field(encoding_); }
  std::string_view accept_encoding() const { return field(accept_encoding_); }

 private:
  // Index into metadata_ plus one; 0 for absent.
  using Place = std::size_t;
  std::string_view field(Place place) const {
    return place == 0 ? std::string_view{} : metadata_[place - 1].value;
  }

  std::string path_;
  std::string method_;
  Metadata metadata_;
  std::size_t list_bytes_ = 0;
  Place timeout_ = 0;
  Place encoding_ = 0;
  Place accept_encoding_ = 0;
  bool is_grpc_ = false;
  bool too_large_ = false;
};

}  // namespace fenqi::server
