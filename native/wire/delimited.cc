#include "wire/delimited.h"

#include <fstream>
#include <iterator>

#include "wire/decode.h"

namespace fenqi::wire {

Result<std::vector<std::vector<std::uint8_t>>> read_delimited_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return error(StatusCode::kInvalidArgument, "cannot read " + path);
  const std::vector<std::uint8_t> content{std::istreambuf_iterator<char>(file),
                                          std::istreambuf_iterator<char>()};
  std::vector<std::vector<std::uint8_t>> messages;
  const std::uint8_t* at = content.data();
  const std::uint8_t* const end = at + content.size();
  while (at != end) {
    std::uint64_t length = 0;
    at = read_varint(at, end, length);
    if (at == nullptr || length > static_cast<std::uint64_t>(end - at)) {
      return error(StatusCode::kInvalidArgument,
                   path + " is cut short, or is no file of messages with their lengths");
    }
    messages.emplace_back(at, at + length);
    at += length;
  }
  return messages;
}

}  // namespace fenqi::wire
