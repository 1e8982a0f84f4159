#include "engine/offering.h"

#include <algorithm>

#include "engine/circumstances.h"
#include "fenqi/contract.h"

namespace fenqi::engine {
namespace {

namespace decision = contract::decision;
namespace limit = contract::limit_kind;
namespace helps = contract::help;
using offers::Fit;
using offers::Found;
using offers::kMaxAmountFen;
using offers::Reach;
using offers::Search;
using offers::Wish;

// The core's kinds are the contract's, which begin with UNSPECIFIED.
std::uint32_t to_contract(offers::LimitKind kind) {
  return static_cast<std::uint32_t>(kind) + 1;
}
static_assert(static_cast<std::uint32_t>(offers::LimitKind::kProduct) + 1 == limit::kProduct);
static_assert(static_cast<std::uint32_t>(offers::LimitKind::kLegalCap) + 1 == limit::kCap);
static_assert(static_cast<std::uint32_t>(offers::LimitKind::kLadder) + 1 == limit::kLadder);

// One request's search.
class Seeking {
 public:
  Seeking(const Release& release, std::span<const Value> registers, offers::SearchScratch& scratch,
          Verdict& verdict, Offering& offering)
      : release_(release),
        plan_(*release.offer_plan()),
        scratch_(scratch),
        verdict_(verdict),
        offering_(offering),
        known_(Circumstances::read(plan_, registers, verdict)) {
    read_wish(registers);
    for (std::size_t p = 0; p < plan_.products.size(); ++p) {
      const std::uint32_t eligible = plan_.products[p].eligible_register;
      const bool open = eligible == kNone || (registers[eligible].is_ok() && registers[eligible].b);
      if (open) reach_.products |= std::uint64_t{1} << p;
    }
    reach_.asked_fen = wish_.amount_fen;
    reach_.disbursed = plan_.day_of(registers[release.row().decided_at_slot()].i);
    offering_.disbursed = reach_.disbursed;
  }

  void seek(std::uint32_t stage, const Opinion* opinion) {
    if (opinion == nullptr) return miss(limit::kPrice);
    reach_.pd12 = plan_.of_twelve_months(opinion->probability);
    const offers::LoanLimit amount = known_.amount_limit(plan_);
    const std::optional<std::int64_t> instalment = known_.instalment_room(plan_);
    if (!instalment) return miss(limit::kAffordability);
    if (!amount.amount_fen) return miss(to_contract(amount.binding));
    reach_.amount_fen = *amount.amount_fen;
    reach_.instalment_fen = *instalment;

    Search search(plan_.lending, reach_, scratch_);
    offering_.count = search.best(wish_, offers());
    if (offering_.count > 0) return decide(decision::kApprove);
    offering_.limit_binding = binding_limit(to_contract(amount.binding));
    if (stage == contract::stage::kDrawdown) {
      decide(decision::kDecline);
      return help_with(wish_);
    }
    if (!asks_for_anything()) seek_others(search);
    if (offering_.count == 0) {
      decide(decision::kDecline);
      return help_with({});
    }
    decide(decision::kCounterOffer);
    help_with(wish_);
  }

 private:
  std::span<Found> offers() { return std::span(offering_.found).first(plan_.most_offers); }

  void read_wish(std::span<const Value> registers) {
    const auto number = [&](std::uint32_t slot) {
      return registers[slot].is_ok() ? registers[slot].i : 0;
    };
    wish_.amount_fen = std::min(number(release_.amount_slot()), kMaxAmountFen);
    wish_.term_months = static_cast<std::int32_t>(number(plan_.term_months_slot));
    if (const std::int64_t method = number(plan_.repayment_method_slot); method > 0) {
      // A number that the contract does not know is a method that no product has.
      wish_.method = static_cast<offers::Method>(std::min<std::int64_t>(method - 1, UINT8_MAX));
    }
    const Value& code = registers[plan_.product_slot];
    if (!code.is_ok() || code.text().empty()) return;
    const LentProduct* const product = plan_.find(code.text());
    wish_.product = product == nullptr ? Wish::kUnknown
                                       : static_cast<std::int32_t>(product - plan_.products.data());
  }

  // Then there are no others.
  bool asks_for_anything() const {
    return wish_.product == Wish::kAny && wish_.amount_fen == 0 && wish_.term_months == 0 &&
           !wish_.method;
  }

  void decide(std::uint32_t found) {
    verdict_.decision = found;
    // A cap is the reason for a counter-offer where it is what binds.
    verdict_.is_capped = found == decision::kCounterOffer &&
                         offering_.limit_binding == limit::kCap && known_.cap_fen &&
                         *known_.cap_fen == reach_.amount_fen;
    verdict_.limit_reason = plan_.reasons[offering_.limit_binding];
    if (found == decision::kApprove || found == decision::kCounterOffer) return;
    verdict_.explored = false;
    if (verdict_.propensity) verdict_.propensity = 0.0;
  }

  // A limit that is not known never passes.
  void miss(std::uint32_t kind) {
    offering_.limit_binding = kind;
    decide(decision_of_action(plan_.when_missing));
    if (plan_.income_register == kNone) return;
    if (!known_.income_fen) add_help(helps::kVerifiedIncome);
    if (!known_.debt_service_fen) add_help(helps::kKnownDebts);
  }

  // What keeps the loan asked for from its applicant: of the forms that it may have, the one that
  // comes nearest to it counts.
  std::uint32_t binding_limit(std::uint32_t of_amount) const {
    Reach open = reach_;
    open.amount_fen = open.instalment_fen = kMaxAmountFen;
    Search search(plan_.lending, open, scratch_);
    Obstacle least{limit::kProduct, -1.0};
    for (std::size_t p = 0; p < plan_.candidates.size(); ++p) {
      const offers::Product& product = plan_.candidates[p];
      Wish exact{static_cast<std::int32_t>(p), 0, 0, {}};
      if (wish_.product != Wish::kAny && wish_.product != exact.product) continue;
      for (const offers::Method method : product.methods) {
        if (wish_.method && *wish_.method != method) continue;
        exact.method = method;
        for (const std::int32_t term : product.terms_months) {
          if (wish_.term_months != 0 && wish_.term_months != term) continue;
          exact.term_months = term;
          // Without an amount, at both ends: small loans fail for their price, large ones for
          // what they take.
          const bool asks = wish_.amount_fen != 0;
          for (const std::int64_t about : {asks ? wish_.amount_fen : 0, reach_.amount_fen}) {
            exact.amount_fen = offers::nearest_amount(product, about);
            const Obstacle one = obstacle(search, exact, of_amount);
            if (one.share > least.share) least = one;
            if (asks) break;
          }
        }
      }
    }
    return least.limit;
  }

  // What binds a loan, and which share of the amount it leaves, about; below 0: the loan has no
  // price, or is none that the applicant may have.
  struct Obstacle {
    std::uint32_t limit;
    double share;
  };

  // `search` knows no limits on amount and instalment.
  Obstacle obstacle(Search& search, const Wish& exact, std::uint32_t of_amount) const {
    Found found;
    const Fit fit = search.fit(exact, &found);
    if (fit == Fit::kProduct) return {limit::kProduct, -1.0};
    if (fit == Fit::kPrice) return {limit::kPrice, -0.5};
    // What the loan asked for fails by, where one of a lendable amount would do.
    Obstacle least{limit::kAmount, 1.0};
    const auto consider = [&](std::uint32_t kind, double most, double taken) {
      if (taken > most && most / taken < least.share) least = {kind, most / taken};
    };
    consider(of_amount, static_cast<double>(reach_.amount_fen),
             static_cast<double>(exact.amount_fen));
    if (fit == Fit::kExpectedLoss) {
      consider(limit::kExpectedLoss, static_cast<double>(plan_.lending.expected_loss_budget_fen),
               found.price.profit.expected_loss_fen);
    }
    consider(limit::kAffordability, static_cast<double>(reach_.instalment_fen),
             static_cast<double>(found.largest_instalment_fen));
    return least;
  }

  void add(const Found& one) {
    const auto end = offering_.found.begin() + static_cast<std::ptrdiff_t>(offering_.count);
    const bool again = std::any_of(offering_.found.begin(), end, [&](const Found& other) {
      return other.form == one.form && other.amount_fen == one.amount_fen;
    });
    if (!again && offering_.count < plan_.most_offers) offering_.found[offering_.count++] = one;
  }

  // Other loans than the one asked for.
  void seek_others(Search& search) {
    std::array<Found, OfferPlan::kMostOffers> best;
    const std::size_t count = search.best({}, std::span(best).first(plan_.most_offers));
    if (count == 0) return;
    add(best[0]);
    Found near;
    if (wish_.amount_fen != 0) {
      Wish other = wish_;
      other.amount_fen = 0;
      if (search.largest(other, &near)) add(near);
    }
    if (wish_.term_months != 0 && nearest_term(search, &near)) add(near);
    if (wish_.product != Wish::kAny && other_product(search, &near)) add(near);
    for (std::size_t k = 1; k < count; ++k) add(best[k]);
    std::sort(offering_.found.begin(),
              offering_.found.begin() + static_cast<std::ptrdiff_t>(offering_.count),
              offers::is_better);
  }

  // The loan asked for with the term nearest to it at which it fits, rather longer than shorter.
  bool nearest_term(Search& search, Found* found) const {
    Found longer;
    Found shorter;
    const bool has_longer = next_term(search, 1, &longer);
    const bool has_shorter = next_term(search, -1, &shorter);
    if (!has_longer && !has_shorter) return false;
    const bool take_longer =
        has_longer && (!has_shorter || longer.term_months - wish_.term_months <=
                                           wish_.term_months - shorter.term_months);
    *found = take_longer ? longer : shorter;
    return true;
  }

  // The same on one side: 1 longer, -1 shorter.
  bool next_term(Search& search, std::int32_t side, Found* found) const {
    Wish other = wish_;
    for (;;) {
      std::int32_t next = 0;
      for (const offers::Product& product : plan_.candidates) {
        for (const std::int32_t term : product.terms_months) {
          const bool beyond = (term - other.term_months) * side > 0;
          if (beyond && (next == 0 || (term - next) * side < 0)) next = term;
        }
      }
      if (next == 0) return false;
      other.term_months = next;
      if (search.best(other, std::span(found, 1)) > 0) return true;
    }
  }

  bool other_product(Search& search, Found* found) const {
    bool any = false;
    for (std::size_t p = 0; p < plan_.candidates.size(); ++p) {
      Wish other;
      other.product = static_cast<std::int32_t>(p);
      Found one;
      if (other.product == wish_.product || search.best(other, std::span(&one, 1)) == 0) continue;
      if (!any || offers::is_better(one, *found)) *found = one;
      any = true;
    }
    return any;
  }

  void add_help(std::uint32_t help) { offering_.help[offering_.help_count++] = help; }

  // Whether `wish` could be had in other circumstances.
  bool would_fit(const Circumstances& other, const Wish& wish) const {
    const offers::LoanLimit amount = other.amount_limit(plan_);
    const std::optional<std::int64_t> instalment = other.instalment_room(plan_);
    if (!amount.amount_fen || !instalment) return false;
    Reach reach = reach_;
    reach.amount_fen = *amount.amount_fen;
    reach.instalment_fen = *instalment;
    Search search(plan_.lending, reach, scratch_);
    return search.any(wish);
  }

  // What the applicant could do to get `aim`: the loan asked for, or any at all.
  void help_with(const Wish& aim) {
    if (verdict_.decision == decision::kCounterOffer) help_by_asking_otherwise();
    if (plan_.income_register != kNone) {
      Circumstances other = known_;
      other.any_income = true;
      const bool with_income = would_fit(other, aim);
      if (with_income) add_help(helps::kVerifiedIncome);
      other = known_;
      other.debt_service_fen = 0;
      // Without debts there is no more room than with any income.
      if (with_income && *known_.debt_service_fen > 0 && would_fit(other, aim)) {
        add_help(helps::kRepayDebts);
      }
    }
    if (plan_.ladder) {
      Circumstances other = known_;
      other.good_repayments = kMaxAmountFen;
      if (would_fit(other, aim)) add_help(helps::kGoodRepayment);
    }
  }

  void help_by_asking_otherwise() {
    Search search(plan_.lending, reach_, scratch_);
    const auto without = [&](auto change) {
      Wish other = wish_;
      change(other);
      return search.any(other);
    };
    if (wish_.amount_fen != 0) {
      Reach less = reach_;
      less.amount_fen = std::min(reach_.amount_fen, wish_.amount_fen - 1);
      Wish other = wish_;
      other.amount_fen = 0;
      if (Search(plan_.lending, less, scratch_).any(other)) add_help(helps::kSmallerAmount);
    }
    Found found;
    if (wish_.term_months != 0) {
      if (next_term(search, 1, &found)) add_help(helps::kLongerTerm);
      if (next_term(search, -1, &found)) add_help(helps::kShorterTerm);
    }
    if (wish_.method && without([](Wish& other) { other.method.reset(); })) {
      add_help(helps::kOtherMethod);
    }
    if (wish_.product != Wish::kAny && without([](Wish& other) { other.product = Wish::kAny; })) {
      add_help(helps::kOtherProduct);
    }
  }

  const Release& release_;
  const OfferPlan& plan_;
  offers::SearchScratch& scratch_;
  Verdict& verdict_;
  Offering& offering_;
  const Circumstances known_;
  Wish wish_;
  Reach reach_{.products = 0};
};

bool offers_loans(std::uint32_t stage) {
  return stage == contract::stage::kApplication || stage == contract::stage::kUnspecified ||
         stage == contract::stage::kDrawdown || stage == contract::stage::kPrescreen;
}

}  // namespace

void seek_offers(const Release& release, std::span<const Value> registers, std::uint32_t stage,
                 const Assessment& assessment, offers::SearchScratch& scratch, Verdict& verdict,
                 Offering& offering) {
  if (!offers_loans(stage)) return;
  const bool is_yes =
      verdict.decision == decision::kApprove || verdict.decision == decision::kCounterOffer;
  if (!is_yes) {
    // A cap that leaves nothing.
    if (verdict.is_capped) offering.limit_binding = limit::kCap;
    return;
  }
  Seeking(release, registers, scratch, verdict, offering).seek(stage, assessment.opinion);
}

}  // namespace fenqi::engine
