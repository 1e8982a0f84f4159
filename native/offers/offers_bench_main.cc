// How long does one candidate of a search take: a plan, and its yearly rates?
//
//   offers_bench [--count 2000]
//
// For terms of 12, 24 and 36 months: the plan and the rates of loans that all differ, on one
// thread, the best of a hundred rounds. Prints one JSON object, nanoseconds for each.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "offers/cost_rate.h"
#include "offers/price.h"

namespace {

using namespace fenqi::offers;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 100;

// Candidates as a search makes them: amounts in steps, rates in hundredths of a percent.
Loan candidate(std::int32_t periods, std::uint64_t number) {
  Loan loan;
  loan.principal_fen = 100'000 + static_cast<std::int64_t>(number * 7919 % 200) * 100'000;
  loan.annual_rate =
      (600 + static_cast<std::int64_t>(number * 104729 % 1800)) * (kRateUnit / 10'000);
  loan.periods = periods;
  return loan;
}

template <typename Work>
double nanoseconds(std::uint64_t count, const Work& work) {
  double best = 1e300;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = Clock::now();
    for (std::uint64_t number = 0; number < count; ++number) work(number);
    const std::chrono::duration<double, std::nano> taken = Clock::now() - start;
    best = std::min(best, taken.count() / static_cast<double>(count));
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t count = 2'000;
  if (argc == 3 && std::strcmp(argv[1], "--count") == 0)
    count = std::strtoull(argv[2], nullptr, 10);
  if (count == 0 || (argc != 1 && argc != 3)) {
    std::fprintf(stderr, "offers_bench: usage: offers_bench [--count 2000]\n");
    return 1;
  }
  std::array<Row, kMaxPeriods> rows;
  double sink = 0.0;
  std::printf("{\"count\": %llu", static_cast<unsigned long long>(count));
  for (const std::int32_t periods : {12, 24, 36}) {
    const auto plan = [&](std::uint64_t number) {
      Schedule schedule;
      const Fault fault = build_schedule(candidate(periods, number), {}, rows, {}, schedule);
      sink += fault.ok() ? static_cast<double>(schedule.paid_fen) : 0.0;
    };
    const auto plan_and_rates = [&](std::uint64_t number) {
      const Loan loan = candidate(periods, number);
      Schedule schedule;
      if (!build_schedule(loan, {}, rows, {}, schedule).ok()) return;
      sink += cost_rate(loan, schedule, rows).effective;
    };
    std::printf(", \"%d\": {\"plan_ns\": %.1f, \"plan_and_rates_ns\": %.1f}", periods,
                nanoseconds(count, plan), nanoseconds(count, plan_and_rates));
  }
  // What is computed must be used, or the compiler leaves it out.
  std::printf(", \"checksum\": %.6g}\n", sink);
  return 0;
}
