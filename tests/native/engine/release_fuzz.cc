// Loads arbitrary bytes as a release without models and, where they load, scores arbitrary bytes
// with it: the image is the first part of the input, the request the rest.
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/engine.h"
#include "engine/scorer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t wanted = static_cast<std::size_t>(data[0]) << 8 | data[1];
  const std::span<const std::uint8_t> rest(data + 2, size - 2);
  const std::size_t image = wanted < rest.size() ? wanted : rest.size();
  auto release = fenqi::engine::Release::load(rest.first(image), nullptr);
  if (!release.ok()) return 0;
  fenqi::engine::Engine engine;
  engine.publish(release.value());
  fenqi::engine::Scorer scorer(engine);
  (void)scorer.score(rest.subspan(image));
  (void)scorer.score_batch(rest.subspan(image));
  return 0;
}
