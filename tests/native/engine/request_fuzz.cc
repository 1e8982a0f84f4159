// Scores arbitrary bytes as a request, with a policy that reads every kind of field. The policy is
// the file `fields` in FENQI_IMAGES, compiled by tests/native/write_images.py.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/scorer.h"

namespace {

fenqi::engine::Scorer& scorer() {
  static fenqi::engine::Engine engine;
  static fenqi::engine::Scorer* const made = [] {
    const char* folder = std::getenv("FENQI_IMAGES");
    std::ifstream file(std::string(folder == nullptr ? "." : folder) + "/fields", std::ios::binary);
    const std::vector<std::uint8_t> image{std::istreambuf_iterator<char>(file),
                                          std::istreambuf_iterator<char>()};
    auto release = fenqi::engine::Release::load(image, nullptr);
    if (!release.ok()) std::abort();
    engine.publish(release.value());
    static fenqi::engine::Scorer instance(engine);
    return &instance;
  }();
  return *made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)scorer().score({data, size});
  (void)scorer().score_batch({data, size});
  return 0;
}
