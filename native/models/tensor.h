// What goes into a model and comes out of it.
#pragma once

#include <cstddef>
#include <string>

namespace fenqi::models {

// ONNX element types, numbered as in onnx.TensorProto and in onnxruntime's C API.
enum class ElementType : int { kFloat = 1, kInt64 = 7, kString = 8, kBool = 9, kDouble = 11 };

// "float", "int64"; of a number that is none of ours, "element type 5".
inline std::string type_name(int element_type) {
  switch (static_cast<ElementType>(element_type)) {
    case ElementType::kFloat:
      return "float";
    case ElementType::kInt64:
      return "int64";
    case ElementType::kString:
      return "string";
    case ElementType::kBool:
      return "bool";
    case ElementType::kDouble:
      return "double";
  }
  return "element type " + std::to_string(element_type);
}

// A tensor of shape [1, width].
struct Tensor {
  std::string name;
  ElementType type = ElementType::kFloat;
  std::size_t width = 0;
};

}  // namespace fenqi::models
