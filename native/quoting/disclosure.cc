#include "quoting/disclosure.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>

namespace fenqi::quoting {
namespace {

using offers::ChargeBase;
using offers::ChargeTiming;

constexpr std::int32_t kExampleDaysLate = 30;

TextKey text_of(offers::Method method) {
  constexpr TextKey kTexts[] = {text::kEqualInstalments, text::kEqualPrincipal, text::kInterestOnly,
                                text::kFlatFee};
  return kTexts[static_cast<std::size_t>(method)];
}

TextKey text_of(offers::Frequency frequency) {
  constexpr TextKey kTexts[] = {text::kMonthly,     text::kWeekly,    text::kFortnightly,
                                text::kSemimonthly, text::kQuarterly, text::kYearly,
                                text::kCustom};
  return kTexts[static_cast<std::size_t>(frequency)];
}

TextKey text_of(ChargeBase base) {
  constexpr TextKey kTexts[] = {text::kBasisFlat, text::kBasisPrincipal, text::kBasisBalance,
                                text::kBasisInstalment, text::kBasisInterest};
  return kTexts[static_cast<std::size_t>(base)];
}

TextKey text_of(ChargeTiming timing) {
  constexpr TextKey kTexts[] = {text::kTimingDeducted, text::kTimingAdded,
                                text::kTimingEachInstalment};
  return kTexts[static_cast<std::size_t>(timing)];
}

TextKey text_of(offers::Payee payee) {
  constexpr TextKey kTexts[] = {text::kPayeeLender, text::kPayeeGuarantor, text::kPayeeInsurer,
                                text::kPayeePlatform, text::kPayeeOther};
  return kTexts[static_cast<std::size_t>(payee)];
}

// The day on which the example of lateness looks at the first instalment.
std::int32_t example_days_late(const offers::ServicingTerms& servicing) {
  return std::max(kExampleDaysLate, servicing.grace_days + 1);
}

std::int64_t example_penalty(const DisclosedLoan& disclosed) {
  offers::OpenInstalment late = offers::open_instalment(disclosed.rows.front());
  // A fault, a penalty that no amount can hold, takes longer than the example's days.
  static_cast<void>(
      accrue_penalty(late, late.due + example_days_late(disclosed.servicing), disclosed.servicing));
  return late.unpaid_fen[static_cast<std::size_t>(offers::Part::kPenalty)];
}

std::int64_t total_cost(const DisclosedLoan& disclosed) {
  return disclosed.schedule.paid_fen - disclosed.schedule.received_fen;
}

// What is paid beyond principal and charges, wherever it was added to the balance on the way.
std::int64_t interest_cost(const DisclosedLoan& disclosed) {
  return total_cost(disclosed) - disclosed.schedule.charges_fen;
}

double rate_of(const DisclosedLoan& disclosed, std::uint32_t rate) {
  switch (rate) {
    case shown_rate::kEffective:
      return disclosed.cost.effective;
    case shown_rate::kSimple:
      return disclosed.cost.simple;
    case shown_rate::kAppendixJ:
      return disclosed.legal_rates.appendix_j;
    case shown_rate::kEu:
      return disclosed.legal_rates.eu;
    default:
      return disclosed.cost.nominal;
  }
}

// One page: the same sections for each language.
class Page {
 public:
  Page(const DisclosedLoan& disclosed, const Language& language,
       std::span<const std::uint32_t> rates, TextWriter& scratch, wire::MessageWriter& writer)
      : d_(disclosed), l_(language), rates_(rates), t_(scratch), w_(writer) {}

  void write() {
    w_.string(contract::disclosure_page::kLanguage, l_[text::kLanguage]);
    w_.string(contract::disclosure_page::kTitle, l_[text::kTitle]);
    write_loan();
    write_costs();
    write_rates();
    write_default();
    write_facts();
    write_plan();
  }

 private:
  std::size_t begin(std::uint32_t topic, TextKey title,
                    std::initializer_list<TextKey> header = {}) {
    const std::size_t section = w_.begin(contract::disclosure_page::kSections);
    w_.uint(contract::disclosure_section::kTopic, topic);
    w_.string(contract::disclosure_section::kTitle, l_[title]);
    for (const TextKey column : header) {
      w_.string(contract::disclosure_section::kHeader, l_[column]);
    }
    return section;
  }

  // Views into the scratch end here.
  void row(std::initializer_list<std::string_view> cells) {
    const std::size_t row = w_.begin(contract::disclosure_section::kRows);
    for (const std::string_view cell : cells) {
      w_.string(contract::disclosure_row::kCells, cell);
    }
    w_.end(row);
    t_.clear();
  }

  void paragraph(std::string_view text) {
    w_.string(contract::disclosure_section::kParagraphs, text);
    t_.clear();
  }

  std::string_view money(std::int64_t fen) { return t_.money(l_, d_.currency, fen); }
  std::string_view date(offers::Date date) { return t_.date(l_, date); }

  std::string_view instalment(TextKey pattern, const offers::Row& row) {
    const std::string_view amount = money(row.payment_fen());
    return t_.fill(l_[pattern], {{"amount", amount}, {"date", date(row.due)}});
  }

  void write_loan() {
    const std::size_t section = begin(contract::disclosure_topic::kLoan, text::kLoanTitle);
    if (!d_.lender.empty()) row({l_[text::kLender], d_.lender});
    row({l_[text::kAmount], money(d_.loan.principal_fen)});
    if (d_.schedule.financed_fen != d_.loan.principal_fen) {
      row({l_[text::kFinanced], money(d_.schedule.financed_fen)});
    }
    row({l_[text::kReceived], money(d_.schedule.received_fen)});
    row({l_[text::kTotalPayable], money(d_.schedule.paid_fen)});
    const std::string_view count = t_.number(d_.schedule.rows);
    row({l_[text::kTerm],
         t_.fill(l_[text::kTermValue],
                 {{"count", count}, {"frequency", l_[text_of(d_.loan.frequency)]}})});
    row({l_[text::kMethod], l_[text_of(d_.loan.method)]});
    row({l_[text::kFirstInstalment], instalment(text::kFirstInstalmentValue, d_.rows.front())});
    row({l_[text::kLastInstalment], instalment(text::kLastInstalmentValue, d_.rows.back())});
    w_.end(section);
  }

  std::string_view payee(const offers::Charge& charge, std::string_view name) {
    const std::string_view kind = l_[text_of(charge.payee)];
    if (name.empty()) return kind;
    return t_.fill(l_[text::kPayeeNamed], {{"kind", kind}, {"name", name}});
  }

  std::string_view standard(const offers::Charge& charge) {
    const std::string_view of =
        charge.base == ChargeBase::kFlat ? money(charge.amount_fen) : t_.exact_percent(charge.rate);
    const bool once = charge.timing != ChargeTiming::kEachInstalment;
    return t_.fill(l_[once ? text::kStandardOnce : text::kStandardPeriod], {{"standard", of}});
  }

  void write_costs() {
    const std::size_t section = begin(contract::disclosure_topic::kCosts, text::kCostsTitle,
                                      {text::kCostName, text::kCostPayee, text::kCostBasis,
                                       text::kCostStandard, text::kCostTiming, text::kCostAmount});
    const bool flat_fee = d_.loan.method == offers::Method::kFlatFee;
    const std::string_view rate =
        t_.exact_percent(flat_fee ? d_.loan.flat_rate : d_.loan.annual_rate);
    row({l_[text::kInterest], l_[text::kPayeeLender],
         l_[flat_fee ? text::kBasisPrincipal : text::kBasisBalance],
         t_.fill(l_[flat_fee ? text::kStandardPeriod : text::kStandardYear], {{"standard", rate}}),
         l_[text::kTimingEachInstalment], money(interest_cost(d_))});
    const bool chinese = l_[text::kLanguage] == "zh";
    for (std::size_t i = 0; i < d_.charge_totals.size(); ++i) {
      const offers::Charge& charge = d_.terms.charges()[i];
      const ChargeNames& names = d_.terms.names(i);
      row({chinese ? names.zh : names.en, payee(charge, names.payee), l_[text_of(charge.base)],
           standard(charge), l_[text_of(charge.timing)], money(d_.charge_totals[i])});
    }
    row({l_[text::kCostTotal], "", "", "", "", money(total_cost(d_))});
    w_.end(section);
  }

  void write_rates() {
    const std::size_t section = begin(contract::disclosure_topic::kAnnualRates, text::kRatesTitle);
    for (const std::uint32_t rate : rates_) {
      row({l_[label_of(rate)], t_.percent(rate_of(d_, rate))});
    }
    paragraph(l_[text::kRatesNote]);
    w_.end(section);
  }

  void write_default() {
    const offers::ServicingTerms& s = d_.servicing;
    const std::size_t section = begin(contract::disclosure_topic::kDefault, text::kDefaultTitle);
    if (s.penalty_rate == 0) {
      row({l_[text::kPenalty], l_[text::kPenaltyNone]});
    } else {
      const TextKey base = s.penalty_base == offers::PenaltyBase::kPrincipal
                               ? text::kPenaltyOnPrincipal
                               : text::kPenaltyOnInstalment;
      const std::string_view rate = t_.exact_percent(s.penalty_rate);
      row({l_[text::kPenalty],
           t_.fill(l_[text::kPenaltyValue],
                   {{"rate", rate}, {"base", l_[base]}, {"days", t_.number(s.penalty_year)}})});
      const std::string_view days = t_.number(example_days_late(s));
      const std::string_view label = t_.fill(l_[text::kLateExample], {{"days", days}});
      row({label, t_.fill(l_[text::kLateExampleValue], {{"amount", money(example_penalty(d_))}})});
    }
    if (s.grace_days > 0) {
      row({l_[text::kGrace], t_.fill(l_[text::kGraceValue], {{"days", t_.number(s.grace_days)}})});
    }
    if (s.tolerance_fen > 0) {
      row({l_[text::kTolerance],
           t_.fill(l_[text::kToleranceValue], {{"amount", money(s.tolerance_fen)}})});
    }
    row({l_[text::kPrepaymentFee],
         s.prepayment_fee_rate == 0
             ? l_[text::kPrepaymentFree]
             : t_.fill(l_[text::kPrepaymentFeeValue],
                       {{"rate", t_.exact_percent(s.prepayment_fee_rate)}})});
    w_.end(section);
  }

  void write_facts() {
    const std::size_t section = begin(contract::disclosure_topic::kKeyFacts, text::kFactsTitle);
    const std::string_view count = t_.number(d_.schedule.rows);
    paragraph(
        t_.fill(l_[text::kFactDuty], {{"count", count}, {"total", money(d_.schedule.paid_fen)}}));
    paragraph(l_[text::kFactDefault]);
    paragraph(l_[text::kFactBureau]);
    paragraph(l_[text::kFactCharges]);
    paragraph(
        t_.fill(l_[text::kFactReading], {{"seconds", t_.number(d_.minimum_reading_seconds)}}));
    for (const std::string& fact : l_.further_facts()) paragraph(fact);
    w_.end(section);
  }

  void write_plan() {
    const std::size_t section =
        begin(contract::disclosure_topic::kPlan, text::kPlanTitle,
              {text::kPlanNumber, text::kPlanDue, text::kPlanPrincipal, text::kPlanInterest,
               text::kPlanCharges, text::kPlanPayment, text::kPlanBalance});
    std::int64_t principal = 0;
    std::int64_t interest = 0;
    std::int64_t charges = 0;
    for (std::size_t i = 0; i < d_.rows.size(); ++i) {
      const offers::Row& r = d_.rows[i];
      row({t_.number(static_cast<std::int64_t>(i) + 1), date(r.due), t_.amount(r.principal_fen),
           t_.amount(r.interest_fen), t_.amount(r.charges_fen), t_.amount(r.payment_fen()),
           t_.amount(r.balance_fen)});
      principal += r.principal_fen;
      interest += r.interest_fen;
      charges += r.charges_fen;
    }
    row({l_[text::kPlanTotal], "", t_.amount(principal), t_.amount(interest), t_.amount(charges),
         t_.amount(principal + interest + charges), ""});
    w_.end(section);
  }

  const DisclosedLoan& d_;
  const Language& l_;
  std::span<const std::uint32_t> rates_;
  TextWriter& t_;
  wire::MessageWriter& w_;
};

void write_cost(wire::MessageWriter& writer, bool is_interest, offers::Payee payee,
                std::int64_t amount_fen) {
  const std::size_t cost = writer.begin(contract::disclosure::kCosts);
  if (is_interest) writer.uint(contract::disclosed_cost::kInterest, 1);
  writer.uint(contract::disclosed_cost::kPayee, static_cast<std::uint32_t>(payee) + 1);
  if (amount_fen != 0) writer.sint(contract::disclosed_cost::kAmountFen, amount_fen);
  writer.end(cost);
}

}  // namespace

void write_disclosure(const DisclosedLoan& disclosed, const DisclosureTexts& texts,
                      TextWriter& scratch, wire::MessageWriter& writer) {
  namespace field = contract::disclosure;
  scratch.clear();
  writer.string(field::kTexts, texts.name());
  writer.string(field::kTextsVersion, texts.version());
  write_cost(writer, true, offers::Payee::kLender, interest_cost(disclosed));
  for (std::size_t i = 0; i < disclosed.charge_totals.size(); ++i) {
    write_cost(writer, false, disclosed.terms.charges()[i].payee, disclosed.charge_totals[i]);
  }
  const auto write_rate = [&writer](std::uint32_t number, double rate) {
    if (rate != 0.0) writer.number64(number, rate);
  };
  if (const std::int64_t cost = total_cost(disclosed); cost != 0) {
    writer.sint(field::kTotalCostFen, cost);
  }
  write_rate(field::kNominalAnnualRate, offers::disclosed(disclosed.cost.nominal));
  write_rate(field::kEffectiveAnnualRate, offers::disclosed(disclosed.cost.effective));
  write_rate(field::kSimpleAnnualRate, offers::disclosed(disclosed.cost.simple));
  if (const std::int64_t penalty = example_penalty(disclosed); penalty != 0) {
    writer.sint(field::kLatePenaltyFen, penalty);
  }
  writer.sint(field::kLateDays, example_days_late(disclosed.servicing));
  const auto write_legal_rate = [&](std::uint32_t number, std::uint32_t rate) {
    const double shown = offers::disclosed(rate_of(disclosed, rate));
    if (texts.shows(rate) && std::isfinite(shown)) writer.number64(number, shown);
  };
  for (const Language& language : texts.languages()) {
    const std::size_t page = writer.begin(field::kPages);
    Page(disclosed, language, texts.rates(), scratch, writer).write();
    writer.end(page);
  }
  write_legal_rate(field::kAppendixJAnnualRate, shown_rate::kAppendixJ);
  write_legal_rate(field::kEuAnnualRate, shown_rate::kEu);
}

}  // namespace fenqi::quoting
