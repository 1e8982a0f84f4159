// When requests are due.
#pragma once

#include <cstdint>
#include <random>

namespace fenqi::load {

// A Poisson process: gaps are exponential with mean 1 / rate. The same seed gives the same times.
class Arrivals {
 public:
  Arrivals(double rate, std::uint64_t seed) : gap_(rate / 1e9), random_(seed) {}

  // Nanoseconds from the start to the next arrival; grows with every call.
  double next() { return at_ += gap_(random_); }

 private:
  std::exponential_distribution<double> gap_;
  std::mt19937_64 random_;
  double at_ = 0.0;
};

}  // namespace fenqi::load
