#include "offers/cash_flow.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fenqi::offers {
namespace {

constexpr double kMantissa = 53.0 * 0.693147180559945309;  // ln 2^53

// ln of the discounted positive flows less ln of the discounted negative ones: zero where a rate
// solves the flow. With one change of sign it falls or rises throughout and is nearly straight, so
// that Newton's steps hardly ever leave their bracket.
struct Imbalance {
  double value;
  double slope;
};

class Equation {
 public:
  explicit Equation(std::span<const Flow> flows) : flows_(flows) {
    for (const Flow& flow : flows) odd_ = odd_ || flow.f != 0.0;
  }

  Imbalance at(double u) const {
    // Discounts are taken relative to the largest, which is the first flow's or the last one's.
    const double reference = u >= 0.0 ? flows_.front().t : flows_.back().t;
    const double growth = std::exp(u);
    const double rate = std::expm1(u);
    double positive = 0.0;
    double negative = 0.0;
    double positive_slope = 0.0;
    double negative_slope = 0.0;
    for (const Flow& flow : flows_) {
      double worth = flow.amount * std::exp(-u * (flow.t - reference));
      double duration = flow.t;
      if (odd_) {
        const double odd = 1.0 + flow.f * rate;
        worth /= odd;
        duration += flow.f * growth / odd;
      }
      if (worth > 0.0) {
        positive += worth;
        positive_slope += worth * duration;
      } else {
        negative -= worth;
        negative_slope -= worth * duration;
      }
    }
    // Where one side has vanished beside the other only the sign is left.
    if (positive == 0.0) return {-std::numeric_limits<double>::infinity(), 0.0};
    if (negative == 0.0) return {std::numeric_limits<double>::infinity(), 0.0};
    return {std::log(positive / negative), negative_slope / negative - positive_slope / positive};
  }

 private:
  std::span<const Flow> flows_;
  bool odd_ = false;
};

// The root between `low` and `high`, where the imbalance has the opposite sign. Each step is
// Newton's where that stays inside and at least halves the bracket in two steps, otherwise the
// middle; so it ends after at most some hundred steps whatever the equation does.
double refine(const Equation& equation, double low, double high, double low_value, double start) {
  const bool rises = low_value < 0.0;
  double u = start;
  double last_step = high - low;
  for (int step = 0; step < 200; ++step) {
    const Imbalance here = equation.at(u);
    if (here.value == 0.0) return u;
    ((here.value < 0.0) == rises ? low : high) = u;
    double next = u - here.value / here.slope;
    // Also where the slope is zero or infinite: then `next` is not a number between them.
    if (!(next > low && next < high) || std::abs(next - u) > 0.5 * last_step) {
      next = low + 0.5 * (high - low);
    }
    last_step = std::abs(next - u);
    if (last_step <= 1e-16 * std::abs(u) || last_step < 1e-300) return next;
    u = next;
  }
  return u;
}

std::span<Flow> by_time(std::span<Flow> flows) {
  std::sort(flows.begin(), flows.end(),
            [](const Flow& a, const Flow& b) { return a.t != b.t ? a.t < b.t : a.f < b.f; });
  std::size_t kept = 0;
  for (const Flow& flow : flows) {
    if (kept > 0 && flows[kept - 1].t == flow.t && flows[kept - 1].f == flow.f) {
      flows[kept - 1].amount += flow.amount;
    } else {
      flows[kept++] = flow;
    }
  }
  const auto end = std::remove_if(flows.begin(), flows.begin() + static_cast<std::ptrdiff_t>(kept),
                                  [](const Flow& flow) { return flow.amount == 0.0; });
  return flows.first(static_cast<std::size_t>(end - flows.begin()));
}

int changes_of_sign(std::span<const Flow> flows) {
  int changes = 0;
  for (std::size_t k = 1; k < flows.size(); ++k) {
    changes += (flows[k].amount > 0.0) != (flows[k - 1].amount > 0.0);
  }
  return changes;
}

InternalRate only_root(const Equation& equation, double low, double high) {
  const double at_low = equation.at(low).value;
  const double at_high = equation.at(high).value;
  if (at_low == 0.0) return {Solutions::kUnique, low, 1};
  if (at_high == 0.0) return {Solutions::kUnique, high, 1};
  if ((at_low < 0.0) == (at_high < 0.0)) return {};
  return {Solutions::kUnique, refine(equation, low, high, at_low, 0.0), 1};
}

// Looks along the range at points that lie closer the nearer they are to zero (a hundredth of their
// size, 10^-4 at zero) and refines every change of sign. Where the imbalance turns round near zero
// without reaching it, two roots may hide between points: its extreme is looked for there.
class Search {
 public:
  Search(const Equation& equation, double low, double high)
      : equation_(equation), low_(low), high_(high) {}

  InternalRate run() {
    const double first = std::asinh(low_ / kScale);
    const double last = std::asinh(high_ / kScale);
    const int points = static_cast<int>((last - first) / 0.01) + 2;
    double before_u = 0.0;
    double before = 0.0;
    double u = low_;
    double value = equation_.at(u).value;
    if (value == 0.0) found(u);
    for (int k = 1; k <= points; ++k) {
      const double next_u =
          k == points ? high_ : kScale * std::sinh(first + (last - first) * k / points);
      const double next = equation_.at(next_u).value;
      if (next == 0.0) {
        found(next_u);
      } else if (value != 0.0 && (value < 0.0) != (next < 0.0)) {
        found(refine(equation_, u, next_u, value, 0.5 * (u + next_u)));
      } else if (k > 1 && turns_towards_zero(before, value, next)) {
        look_between(before_u, next_u, value);
      }
      before_u = u;
      before = value;
      u = next_u;
      value = next;
    }
    return answer_;
  }

 private:
  static constexpr double kScale = 0.01;

  static bool turns_towards_zero(double a, double b, double c) {
    return (a < 0.0) == (b < 0.0) && (b < 0.0) == (c < 0.0) && std::abs(b) < std::abs(a) &&
           std::abs(b) <= std::abs(c);
  }

  void look_between(double a, double b, double inside) {
    const double from = a;
    const double to = b;
    for (int step = 0; step < 60; ++step) {
      const double third = (b - a) / 3.0;
      const double left = equation_.at(a + third).value;
      const double right = equation_.at(b - third).value;
      for (const double u : {a + third, b - third}) {
        const double value = u == a + third ? left : right;
        if (value == 0.0) return found(u);
        if ((value < 0.0) != (inside < 0.0)) {
          found(refine(equation_, from, u, inside, 0.5 * (from + u)));
          found(refine(equation_, u, to, value, 0.5 * (u + to)));
          return;
        }
      }
      (std::abs(left) < std::abs(right) ? b : a) =
          std::abs(left) < std::abs(right) ? b - third : a + third;
    }
  }

  void found(double u) {
    ++answer_.count;
    answer_.solutions = answer_.count == 1 ? Solutions::kUnique : Solutions::kSeveral;
    if (answer_.count == 1 || std::abs(u) < std::abs(answer_.log_growth)) answer_.log_growth = u;
  }

  const Equation& equation_;
  const double low_;
  const double high_;
  InternalRate answer_;
};

// With v = 1 / (1 + i): f(v) = sum a_k v^k - received, which grows and bends upwards for v > 0.
struct Worth {
  double value;
  double slope;
};

Worth worth(double received, std::span<const double> payments, double v) {
  double value = 0.0;
  double slope = 0.0;
  for (std::size_t k = payments.size(); k-- > 0;) {
    slope = slope * v + value;
    value = value * v + payments[k];
  }
  // The scheme was for sum a_(k+1) v^k; times v it is the sum, by the product rule.
  slope = slope * v + value;
  value = value * v - received;
  return {value, slope};
}

// The error after a step is at most some hundred times its square.
constexpr double kLastStep = 1e-9;

}  // namespace

double InternalRate::rate() const {
  return std::expm1(log_growth);
}

InternalRate internal_rate(std::span<Flow> flows) {
  flows = by_time(flows);
  const int changes = changes_of_sign(flows);
  if (changes == 0) return {Solutions::kNoChange, 0.0, 0};
  const Equation equation(flows);
  const double duration = flows.back().t + flows.back().f - flows.front().t - flows.front().f;
  if (changes == 1) return only_root(equation, -kMaxLogGrowth, kMaxLogGrowth);
  const double low = std::max(-kMaxLogGrowth, -kMantissa / duration);
  return Search(equation, low, kMaxLogGrowth).run();
}

double periodic_rate(double received, std::span<const double> payments) {
  double total = 0.0;
  double moment = 0.0;
  for (std::size_t k = 0; k < payments.size(); ++k) {
    total += payments[k];
    moment += payments[k] * static_cast<double>(k + 1);
  }
  // As if all were paid at the mean time: v^(moment / total) = received / total. v^k bends upwards
  // in k, so f is not negative there (Jensen): right of the root, from where Newton's steps fall
  // onto it and never pass it.
  double v = std::exp(std::log(received / total) * total / moment);
  double low = std::min(1.0, v);
  if (received < total) low = 0.0;
  double high = v;
  for (int step = 0; step < 200; ++step) {
    const Worth here = worth(received, payments, v);
    (here.value < 0.0 ? low : high) = v;
    const double change = here.value / here.slope;
    const double next = v - change;
    // A high power of a v above 1 may leave the doubles: then the interval is halved.
    if (!std::isfinite(here.slope) || !(next >= low && next <= high)) {
      v = low > 0.0 ? std::sqrt(low) * std::sqrt(high) : 0.5 * high;
      if (high - low <= kLastStep * kLastStep * high) break;
      continue;
    }
    v = next;
    if (std::abs(change) <= kLastStep * v) break;
  }
  return 1.0 / v - 1.0;
}

double periodic_rate(double received, std::span<const double> payments, double near) {
  double v = 1.0 / (1.0 + near);
  for (int step = 0; step < 4; ++step) {
    const Worth here = worth(received, payments, v);
    const double change = here.value / here.slope;
    // Not near after all, also where the step is not a number.
    if (!std::isfinite(here.slope) || !(std::abs(change) <= 0.01 * v)) break;
    v -= change;
    if (std::abs(change) <= kLastStep * v) return 1.0 / v - 1.0;
  }
  return periodic_rate(received, payments);
}

}  // namespace fenqi::offers
