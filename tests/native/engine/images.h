// Files that tests/native/write_images.py made, for tests of the engine.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/release.h"
#include "wire/delimited.h"

namespace fenqi::engine::testing {

inline Bytes read_image(const std::string& name) {
  const char* folder = std::getenv("FENQI_IMAGES");
  if (folder == nullptr) throw std::runtime_error("FENQI_IMAGES is not set; run make test");
  std::ifstream file(std::string(folder) + "/" + name, std::ios::binary);
  if (!file) throw std::runtime_error("no file " + name + " in FENQI_IMAGES");
  return Bytes(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

inline std::shared_ptr<const Release> load_rules(const std::string& name) {
  auto release = Release::load(read_image(name), nullptr);
  if (!release.ok()) throw std::runtime_error(release.status().message);
  return release.value();
}

inline std::shared_ptr<const Release> load_taiwan() {
  const Bytes path = read_image("onnxruntime");
  auto runtime = models::OnnxRuntime::load(std::string(path.begin(), path.end()));
  if (!runtime.ok()) throw std::runtime_error(runtime.status().message);
  auto release = Release::load(read_image("taiwan"), runtime.value());
  if (!release.ok()) throw std::runtime_error(release.status().message);
  return release.value();
}

// Requests of real applications.
inline std::vector<Bytes> read_requests() {
  auto requests = wire::read_delimited_file(std::string(std::getenv("FENQI_IMAGES")) + "/requests");
  if (!requests.ok()) throw std::runtime_error(requests.status().message);
  return requests.value();
}

}  // namespace fenqi::engine::testing
