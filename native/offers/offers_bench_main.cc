// How long does one candidate of a search take, and how long a search?
//
//   offers_bench [--count 2000]
//
// For terms of 12, 24 and 36 months: the plan and the rates of loans that all differ, on one
// thread, the best of a hundred rounds, nanoseconds for each. For grids of 240 and 47,784
// candidates: the search for the three best loans of applicants who all differ, microseconds, and
// beside it the price of every candidate, one after the other. Prints one JSON object.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "offers/cost_rate.h"
#include "offers/price.h"
#include "offers/search.h"

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

// Amounts x 6 terms x 4 methods of a consumer lender.
struct Grid {
  explicit Grid(std::int64_t step_fen) {
    product.from_fen = 100'000;
    product.to_fen = step_fen == 10'000 ? 20'000'000 : 100'000 + 9 * step_fen;
    product.step_fen = step_fen;
    product.terms_months = kTerms;
    product.methods = kMethods;
    lending.products = std::span(&product, 1);
    lending.price.costs = {0.65, 0.06, 3'000.0, 300.0};
    lending.price.margin = 0.03;
    lending.price.rate_step = 0.001;
    lending.price.cap = 0.24;
    lending.take_up = TakeUp{1.5, -8.0, 1.0, 0.15};
    lending.hurdle = 0.15;
  }

  static constexpr std::array<std::int32_t, 6> kTerms{3, 6, 9, 12, 18, 24};
  static constexpr std::array<Method, 4> kMethods{
      Method::kEqualInstalments, Method::kEqualPrincipal, Method::kInterestOnly, Method::kFlatFee};
  Product product;
  Lending lending;
};

// Applicants of low and high risk, with and without room for what they ask for.
Reach applicant(std::uint64_t number) {
  Reach reach;
  reach.pd12 = 0.002 + 0.0004 * static_cast<double>(number * 7919 % 200);
  reach.instalment_fen = 20'000 + static_cast<std::int64_t>(number * 104729 % 400) * 1'000;
  if (number % 2 == 0) reach.asked_fen = 200'000 + static_cast<std::int64_t>(number % 40) * 100'000;
  return reach;
}

struct Spread {
  double p50;
  double p99;
};

template <typename Work>
Spread microseconds(std::uint64_t count, const Work& work) {
  std::vector<double> taken;
  for (std::uint64_t number = 0; number < count; ++number) {
    const auto start = Clock::now();
    work(number);
    taken.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::sort(taken.begin(), taken.end());
  return {taken[count / 2], taken[count * 99 / 100]};
}

// One grid; adds to `sink`.
void search_grid(const char* name, std::int64_t step_fen, std::uint64_t count, double& sink) {
  const Grid grid(step_fen);
  if (const Fault fault = check(grid.lending); !fault.ok()) std::abort();
  SearchScratch scratch;
  std::int64_t work = 0;
  const Spread search = microseconds(count, [&](std::uint64_t number) {
    Search search(grid.lending, applicant(number), scratch);
    std::array<Found, 3> found;
    if (search.best({}, found) > 0) sink += found[0].expected_profit_fen;
    work += search.work();
  });
  std::printf(", \"%s\": {\"search_p50_us\": %.1f, \"search_p99_us\": %.1f, \"steps\": %.1f", name,
              search.p50, search.p99, static_cast<double>(work) / static_cast<double>(count));
  if (step_fen != 10'000) {
    const Spread every = microseconds(count, [&](std::uint64_t number) {
      Search search(grid.lending, applicant(number), scratch);
      Found found;
      for (const Method method : Grid::kMethods) {
        for (const std::int32_t term : Grid::kTerms) {
          for (std::int64_t amount = grid.product.from_fen; amount <= grid.product.to_fen;
               amount += step_fen) {
            sink += search.fit({0, amount, term, method}, &found) == Fit::kFits ? 1.0 : 0.0;
          }
        }
      }
    });
    std::printf(", \"every_candidate_p50_us\": %.1f", every.p50);
  }
  std::printf("}");
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
  search_grid("240", 500'000, count, sink);
  search_grid("47784", 10'000, count, sink);
  // What is computed must be used, or the compiler leaves it out.
  std::printf(", \"checksum\": %.6g}\n", sink);
  return 0;
}
