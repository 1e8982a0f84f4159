// What the stand-alone benchmarks share: flags, files, and an end with a message.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fenqi {

class Tool {
 public:
  explicit Tool(const char* name) : name_(name) {}

  // Prints "name: message" and ends the program with status 1.
  [[noreturn]] void fail(const std::string& message) const {
    std::fprintf(stderr, "%s: %s\n", name_, message.c_str());
    std::exit(1);
  }

  // Hands the value of every "--flag value" to whoever `flags` names; fails at any other flag.
  void read_flags(int argc, char** argv,
                  const std::map<std::string_view, std::function<void(const char*)>>& flags) const {
    for (int i = 1; i + 1 < argc; i += 2) {
      const auto flag = flags.find(argv[i]);
      if (flag == flags.end()) fail("unknown option " + std::string(argv[i]));
      flag->second(argv[i + 1]);
    }
  }

  // The file's bytes as values of T, a last part of one left out. Fails where it cannot be read.
  template <typename T>
  std::vector<T> read_file(const std::string& path) const {
    std::ifstream file(path, std::ios::binary);
    if (!file) fail("cannot read " + path);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file),
                                  std::istreambuf_iterator<char>()};
    std::vector<T> values(bytes.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
    return values;
  }

  // For `read_flags`.
  static std::function<void(const char*)> into(std::string& text) {
    return [&text](const char* value) { text = value; };
  }
  template <typename Whole>
  static std::function<void(const char*)> into(Whole& number) {
    return [&number](const char* value) {
      number = static_cast<Whole>(std::strtoull(value, nullptr, 10));
    };
  }
  static std::function<void(const char*)> into(double& number) {
    return [&number](const char* value) { number = std::strtod(value, nullptr); };
  }

 private:
  const char* name_;
};

}  // namespace fenqi
