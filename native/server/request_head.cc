#include "server/request_head.h"

namespace fenqi::server {
namespace {

bool names_grpc(std::string_view content_type) {
  constexpr std::string_view kGrpc = "application/grpc";
  if (!content_type.starts_with(kGrpc)) return false;
  content_type.remove_prefix(kGrpc.size());
  return content_type.empty() || content_type.front() == '+' || content_type.front() == ';';
}

}  // namespace

void RequestHead::clear() {
  path_.clear();
  method_.clear();
  metadata_.clear();
  list_bytes_ = 0;
  timeout_ = encoding_ = accept_encoding_ = 0;
  is_grpc_ = too_large_ = false;
}

void RequestHead::add(std::string_view name, std::string_view value, std::size_t max_list_bytes) {
  constexpr std::size_t kFieldOverhead = 32;
  list_bytes_ += name.size() + value.size() + kFieldOverhead;
  if (list_bytes_ > max_list_bytes) {
    too_large_ = true;
    return;
  }
  if (name.starts_with(':')) {
    if (name == ":path") path_ = value;
    if (name == ":method") method_ = value;
    return;
  }
  metadata_.add(name, value);
  const Place place = metadata_.size();
  if (name == "content-type") {
    is_grpc_ = names_grpc(value);
  } else if (name == "grpc-timeout") {
    timeout_ = place;
  } else if (name == "grpc-encoding") {
    encoding_ = place;
  } else if (name == "grpc-accept-encoding") {
    accept_encoding_ = place;
  }
}

}  // namespace fenqi::server
