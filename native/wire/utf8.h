// UTF-8 as google.protobuf checks it: no surrogates, no overlong forms, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace fenqi::wire {

bool is_utf8(std::string_view text);

}  // namespace fenqi::wire
