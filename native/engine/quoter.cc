#include "engine/quoter.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "engine/engine.h"
#include "engine/instalments.h"
#include "engine/product_price.h"
#include "fenqi/contract.h"
#include "offers/price.h"
#include "offers/repayment.h"
#include "quoting/acknowledgement.h"
#include "quoting/disclosure.h"
#include "quoting/field_reader.h"

namespace fenqi::engine {
namespace {

using quoting::FieldPath;
using quoting::FieldReader;

constexpr FieldPath kRequest{};
constexpr FieldPath kLoan{nullptr, "loan", -1};
constexpr FieldPath kServicing{nullptr, "servicing", -1};

constexpr std::size_t kMostIdBytes = 128;
constexpr std::size_t kMostKeyBytes = 256;
constexpr std::int32_t kSecondsOfDay = 86400;
// Where no policy says how long a quote is to be read.
constexpr std::int32_t kReadingSeconds = 10;
// More would keep scoring waiting: finding the unit period can be quadratic in the flows, and
// beyond one change of sign every rate is searched for.
constexpr std::size_t kMostFlows = 600;
constexpr std::size_t kMostSearchedFlows = 128;

std::int64_t wall_clock_seconds() {
  return std::chrono::system_clock::now().time_since_epoch() / std::chrono::seconds(1);
}

bool is_currency(std::string_view code) {
  return code.size() == 3 &&
         std::all_of(code.begin(), code.end(), [](char c) { return 'A' <= c && c <= 'Z'; });
}

void write_answer(wire::MessageWriter& writer, std::uint32_t number,
                  const offers::AnnualRate& rate) {
  const auto answer = writer.begin(number);
  writer.uint(contract::rate_answer::kSolutions, static_cast<std::uint32_t>(rate.solutions) + 1);
  if (rate.solutions == offers::Solutions::kUnique ||
      rate.solutions == offers::Solutions::kSeveral) {
    writer.number64(contract::rate_answer::kRate, rate.rate);
  }
  writer.end(answer);
}

int changes_of_sign(std::span<const offers::DatedFlow> flows) {
  int changes = 0;
  double before = 0.0;
  for (const offers::DatedFlow& flow : flows) {
    if (flow.amount == 0.0) continue;
    changes += before * flow.amount < 0.0;
    before = flow.amount;
  }
  return changes;
}

}  // namespace

// What a QuoteRequest says beside the loan; texts are views into it.
struct Quoter::Request {
  std::string_view quote_id;
  std::string_view customer_key;
  std::string_view currency = "CNY";
  std::string_view lender;
  offers::ServicingTerms servicing;
  std::int64_t quoted_at_seconds = 0;
  std::optional<std::int32_t> asked_reading_seconds;
  std::int32_t minimum_reading_seconds = 0;  // that holds
  ProductLoan of_product;                    // where a product is named
  std::optional<offers::Date> disbursed;
  const char* own_terms = nullptr;  // a field that a product leaves no room for
};

Quoter::Quoter(const Engine& engine)
    : engine_(engine),
      rows_(offers::kMaxPeriods),
      charge_totals_(offers::kMaxCharges),
      flow_scratch_(kMostFlows) {
  flows_.reserve(kMostFlows);
}

// The plan of `terms_` and what it costs.
Status Quoter::compute(const FieldPath& path) {
  loan_ = terms_.loan();
  charge_totals_.resize(terms_.charges().size());
  const offers::Fault fault =
      build_schedule(loan_, terms_.charges(), rows_, charge_totals_, schedule_);
  if (!fault.ok()) return quoting::to_status(fault, path);
  cost_ = cost_rate(loan_, schedule_, rows_);
  return {};
}

// What the request says by itself.
Status Quoter::read(std::span<const std::uint8_t> bytes, Request& request) {
  namespace field = contract::quote_request;
  terms_.clear();
  std::optional<std::int64_t> quoted_at;
  bool has_loan = false;
  FieldReader fields(bytes, kRequest);
  while (fields.next()) {
    switch (fields.number()) {
      case field::kQuoteId:
        request.quote_id = fields.text("quote_id", kMostIdBytes);
        break;
      case field::kCustomerKey:
        request.customer_key = fields.text("customer_key", kMostKeyBytes);
        break;
      case field::kLoan:
        has_loan = true;
        request.own_terms = "loan";
        if (Status s = terms_.read(fields.message("loan"), kLoan); !s.ok()) {
          fields.fail(std::move(s));
        }
        break;
      case field::kServicing:
        request.own_terms = "servicing";
        if (Status s =
                quoting::read_servicing(fields.message("servicing"), kServicing, request.servicing);
            !s.ok()) {
          fields.fail(std::move(s));
        }
        break;
      case field::kCurrency:
        if (const std::string_view code = fields.text("currency", kMostIdBytes); !code.empty()) {
          request.currency = code;
          request.own_terms = "currency";
        }
        break;
      case field::kLender:
        request.lender = fields.text("lender", kMostIdBytes);
        if (!request.lender.empty()) request.own_terms = "lender";
        break;
      case field::kQuotedAtSeconds:
        quoted_at = fields.int64("quoted_at_seconds");
        break;
      case field::kMinimumReadingSeconds:
        request.asked_reading_seconds = fields.int32("minimum_reading_seconds");
        break;
      case field::kProduct:
        request.of_product.product = fields.text("product", kMostKeyBytes);
        break;
      case field::kAmountFen:
        request.of_product.amount_fen = fields.int64("amount_fen");
        break;
      case field::kTermMonths:
        request.of_product.term_months = fields.int32("term_months");
        break;
      case field::kRepaymentMethod:
        request.of_product.repayment_method =
            fields.choice("repayment_method", contract::repayment_method::kFlatFee);
        break;
      case field::kProbabilityOfDefault:
        request.of_product.probability_of_default = fields.number("probability_of_default");
        break;
      case field::kDisbursedDateDays:
        request.disbursed = fields.int32("disbursed_date_days");
        break;
      default:
        break;
    }
  }
  if (Status s = fields.status(); !s.ok()) return s;
  if (!has_loan && request.of_product.product.empty()) {
    return invalid_field("loan", "is needed, or a product: say what is to be quoted");
  }
  if (request.customer_key.empty()) {
    return invalid_field("customer_key", "is needed: the quote is good for one customer only");
  }
  if (!is_currency(request.currency)) {
    return invalid_field("currency", "must be an ISO 4217 code, three capitals");
  }
  request.quoted_at_seconds = quoted_at.value_or(wall_clock_seconds());
  if (request.quoted_at_seconds < 0) {
    return invalid_field("quoted_at_seconds", "must be 0 or more");
  }
  if (const auto& reading = request.asked_reading_seconds;
      reading && (*reading < 0 || *reading > kSecondsOfDay)) {
    return invalid_field("minimum_reading_seconds", "must be 0 to 86,400");
  }
  return {};
}

// What the release adds to it.
Status Quoter::complete(const Release& release, Request& request) {
  const std::optional<Drawdown>& drawdown = release.drawdown();
  const std::int32_t least = drawdown ? drawdown->minimum_reading_seconds : 0;
  request.minimum_reading_seconds =
      std::max(least, request.asked_reading_seconds.value_or(drawdown ? 0 : kReadingSeconds));
  if (!request.of_product.product.empty()) return take_product(release, request);
  return quoting::to_status(check(request.servicing), kServicing);
}

// The terms of a product of the policy, with the price that it has for this risk.
Status Quoter::take_product(const Release& release, Request& request) {
  if (request.own_terms != nullptr) {
    return invalid_field(request.own_terms, "is the product's own: leave it out, or the product");
  }
  const OfferPlan* const plan = release.offer_plan();
  if (plan == nullptr) return invalid_field("product", "is none that the policy lends");
  if (search_scratch_ == nullptr) search_scratch_ = std::make_unique<offers::SearchScratch>();
  const offers::Date day = request.disbursed.value_or(plan->day_of(request.quoted_at_seconds));
  offers::Found found;
  if (Status s = price_product(*plan, request.of_product, day, *search_scratch_, &found); !s.ok()) {
    return s;
  }
  const auto index = static_cast<std::size_t>(found.product);
  const LentProduct& product = plan->products[index];
  terms_.take(product.loan, priced_loan(plan->candidates[index], found, day));
  request.servicing = product.servicing;
  request.currency = product.currency;
  request.lender = product.lender;
  return {};
}

// What a plan may be, and may not be shown to anybody.
Status Quoter::check_quote(const Release& release) const {
  if (loan_.disbursed == offers::kNoDate) {
    return invalid_field("loan.disbursed_date_days",
                         "is needed: a borrower is shown the dates of the plan");
  }
  for (std::size_t i = 0; i < charge_totals_.size(); ++i) {
    const quoting::ChargeNames& names = terms_.names(i);
    const FieldPath charge{&kLoan, "charges", static_cast<int>(i)};
    if (names.zh.empty()) return invalid_field(charge.with("name_zh"), "is needed to disclose it");
    if (names.en.empty()) return invalid_field(charge.with("name_en"), "is needed to disclose it");
  }
  const std::optional<double>& cap = release.annual_rate_cap();
  if (cap && !within_cap(cost_, *cap, offers::CapBasis::kNominal)) {
    quoting::TextWriter texts;
    return invalid_field("loan", "costs " + std::string(texts.percent(cost_.nominal)) +
                                     " a year with all charges, above the cap of " +
                                     std::string(texts.percent(*cap)) +
                                     ": lower the rate or the charges");
  }
  return {};
}

void Quoter::write_schedule(std::uint32_t number) {
  namespace field = contract::schedule;
  const auto plan = quote_.begin(number);
  write_instalments(quote_, field::kInstalments,
                    std::span(rows_).first(static_cast<std::size_t>(schedule_.rows)));
  write_number(quote_, field::kFinancedFen, schedule_.financed_fen);
  write_number(quote_, field::kReceivedFen, schedule_.received_fen);
  write_number(quote_, field::kPaidFen, schedule_.paid_fen);
  write_number(quote_, field::kInterestFen, schedule_.interest_fen);
  write_number(quote_, field::kChargesFen, schedule_.charges_fen);
  if (!charge_totals_.empty()) {
    quote_.packed(field::kChargeTotalsFen, charge_totals_);
  }
  write_rate(quote_, field::kNominalAnnualRate, cost_.nominal);
  write_rate(quote_, field::kEffectiveAnnualRate, cost_.effective);
  write_rate(quote_, field::kSimpleAnnualRate, cost_.simple);
  quote_.end(plan);
}

void Quoter::write_quote(const Request& request, const Release& release) {
  namespace field = contract::quote;
  quote_.clear();
  if (!request.quote_id.empty()) quote_.string(field::kQuoteId, request.quote_id);
  quote_.string(field::kCurrency, request.currency);
  write_number(quote_, field::kPrincipalFen, loan_.principal_fen);
  write_number(quote_, field::kPeriods, loan_.periods);
  write_schedule(field::kSchedule);
  const quoting::DisclosureTexts& texts = release.disclosure_texts();
  quoting::LegalRates legal_rates;
  if (texts.shows(quoting::shown_rate::kAppendixJ) || texts.shows(quoting::shown_rate::kEu)) {
    legal_rates = legal_rate_counter_.count(
        loan_, schedule_, std::span(rows_).first(static_cast<std::size_t>(schedule_.rows)));
  }
  const auto disclosure = quote_.begin(field::kDisclosure);
  write_disclosure(
      {terms_, loan_, schedule_, std::span(rows_).first(static_cast<std::size_t>(schedule_.rows)),
       charge_totals_, cost_, legal_rates, request.servicing, request.currency, request.lender,
       request.minimum_reading_seconds},
      texts, texts_, quote_);
  quote_.end(disclosure);
  write_number(quote_, field::kQuotedAtSeconds, request.quoted_at_seconds);
  write_number(quote_, field::kMinimumReadingSeconds, request.minimum_reading_seconds);
  if (const std::optional<Drawdown>& drawdown = release.drawdown(); drawdown) {
    quote_.sint(field::kValidSeconds, drawdown->valid_seconds);
  }
  const auto named = quote_.begin(field::kRelease);
  quote_.string(contract::release::kPolicy, release.policy());
  quote_.string(contract::release::kPolicyVersion, release.policy_version());
  quote_.string(contract::release::kContentHash, release.content_hash());
  quote_.end(named);
}

QuoterOutcome Quoter::quote(std::span<const std::uint8_t> bytes) {
  namespace field = contract::quote_response;
  Request request;
  if (Status s = read(bytes, request); !s.ok()) return {std::move(s), {}};
  const std::shared_ptr<const Release> release = engine_.release_for(request.customer_key);
  if (release == nullptr) {
    return {error(StatusCode::kFailedPrecondition, "no release has been published yet"), {}};
  }
  if (Status s = complete(*release, request); !s.ok()) return {std::move(s), {}};
  if (Status s = compute(kLoan); !s.ok()) return {std::move(s), {}};
  if (Status s = check_quote(*release); !s.ok()) return {std::move(s), {}};
  write_quote(request, *release);
  const std::string_view text = quote_.text();
  const Digest hash = sha256({}, text);
  writer_.clear();
  writer_.string(field::kQuote, text);
  writer_.string(field::kQuoteHash, {reinterpret_cast<const char*>(hash.data()), hash.size()});
  if (const quoting::AcknowledgementKey* const key = engine_.acknowledgement_key()) {
    const bool monthly = loan_.frequency == offers::Frequency::kMonthly;
    const quoting::Token token =
        quoting::issue_token(*key,
                             {hash, request.quoted_at_seconds, request.minimum_reading_seconds,
                              loan_.principal_fen, monthly ? loan_.periods : 0},
                             request.customer_key);
    writer_.string(field::kAcknowledgementToken, {token.data(), token.size()});
  }
  return {{}, writer_.bytes()};
}

QuoterOutcome Quoter::schedule(std::span<const std::uint8_t> bytes) {
  terms_.clear();
  bool has_loan = false;
  FieldReader fields(bytes, kRequest);
  while (fields.next()) {
    if (fields.number() != contract::schedule_request::kLoan) continue;
    has_loan = true;
    if (Status s = terms_.read(fields.message("loan"), kLoan); !s.ok()) fields.fail(std::move(s));
  }
  if (Status s = fields.status(); !s.ok()) return {std::move(s), {}};
  if (!has_loan) return {invalid_field("loan", "is needed: say what is to be computed"), {}};
  if (Status s = compute(kLoan); !s.ok()) return {std::move(s), {}};
  quote_.clear();
  write_schedule(contract::schedule_response::kSchedule);
  return {{}, quote_.bytes()};
}

Status Quoter::read_flows(std::span<const std::uint8_t> bytes, offers::Interval& interval) {
  flows_.clear();
  FieldReader fields(bytes, kRequest);
  while (fields.next()) {
    switch (fields.number()) {
      case contract::annual_rate_request::kFlows: {
        if (flows_.size() == kMostFlows) {
          fields.fail("flows", "must be at most 600");
          break;
        }
        const FieldPath path{nullptr, "flows", static_cast<int>(flows_.size())};
        offers::DatedFlow flow{0, 0.0};
        FieldReader parts(fields.message("flows"), path);
        while (parts.next()) {
          switch (parts.number()) {
            case contract::dated_flow::kDateDays:
              flow.date = parts.int32("date_days");
              if (flow.date < offers::kFirstDate || flow.date > offers::kLastDate) {
                parts.fail("date_days", "must be a date of the years 1 to 9999");
              }
              break;
            case contract::dated_flow::kAmountFen: {
              const std::int64_t amount = parts.int64("amount_fen");
              if (amount < -offers::kMaxAmountFen || amount > offers::kMaxAmountFen) {
                parts.fail("amount_fen", "must be -2^53 to 2^53 fen");
              }
              flow.amount = static_cast<double>(amount);
              break;
            }
            default:
              break;
          }
        }
        if (Status s = parts.status(); !s.ok()) fields.fail(std::move(s));
        flows_.push_back(flow);
        break;
      }
      case contract::annual_rate_request::kInterval: {
        const std::uint32_t choice = fields.choice("interval", contract::rate_interval::kYears);
        interval = static_cast<offers::Interval>(choice == 0 ? 0 : choice - 1);
        break;
      }
      default:
        break;
    }
  }
  return fields.status();
}

QuoterOutcome Quoter::annual_rate(std::span<const std::uint8_t> bytes) {
  namespace field = contract::annual_rate_response;
  offers::Interval interval = offers::Interval::kDays;
  if (Status s = read_flows(bytes, interval); !s.ok()) return {std::move(s), {}};
  if (const offers::Fault fault = check(std::span<const offers::DatedFlow>(flows_), flows_.size());
      !fault.ok()) {
    return {quoting::to_status(fault, kRequest), {}};
  }
  std::sort(flows_.begin(), flows_.end(), [](const auto& a, const auto& b) {
    return a.date != b.date ? a.date < b.date : a.amount < b.amount;
  });
  if (flows_.size() > kMostSearchedFlows && changes_of_sign(flows_) > 1) {
    return {invalid_field("flows", "must be at most 128 where their sign changes more than once"),
            {}};
  }
  offers::AnnualRate effective;
  offers::AnnualRate eu;
  offers::AnnualRate appendix_j;
  offers::AnnualRate simple;
  const offers::UnitPeriod unit = common_unit_period(flows_);
  for (const offers::Fault& fault :
       {effective_rate(flows_, offers::Interval::kDays, flow_scratch_, &effective),
        effective_rate(flows_, interval, flow_scratch_, &eu),
        appendix_j_rate(flows_, unit, flow_scratch_, &appendix_j), simple_rate(flows_, &simple)}) {
    if (!fault.ok()) return {quoting::to_status(fault, kRequest), {}};
  }
  offers::AnnualRate nominal = effective;
  nominal.rate = 12.0 * std::expm1(std::log1p(effective.rate) / 12.0);
  writer_.clear();
  write_answer(writer_, field::kNominal, nominal);
  write_answer(writer_, field::kEffective, effective);
  write_answer(writer_, field::kAppendixJ, appendix_j);
  write_answer(writer_, field::kEu, eu);
  write_answer(writer_, field::kSimple, simple);
  return {{}, writer_.bytes()};
}

}  // namespace fenqi::engine
