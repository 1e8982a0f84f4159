// What the search for an offer is judged by: every candidate, priced one after the other.
#pragma once

#include <algorithm>
#include <vector>

#include "offers/search.h"

namespace fenqi::offers::testing {

// Every candidate that fits, in the grid's order.
inline std::vector<Found> every_candidate(const Lending& lending, const Reach& reach,
                                          const Wish& wish, SearchScratch& scratch) {
  std::vector<Found> all;
  std::uint32_t form = 0;
  for (std::size_t p = 0; p < lending.products.size(); ++p) {
    const Product& product = lending.products[p];
    for (const Method method : product.methods) {
      for (const std::int32_t term : product.terms_months) {
        ++form;
        if (wish.product != Wish::kAny && wish.product != static_cast<std::int32_t>(p)) continue;
        if (wish.method && *wish.method != method) continue;
        if (wish.term_months != 0 && wish.term_months != term) continue;
        for (std::int64_t amount = product.from_fen; amount <= product.to_fen;
             amount += product.step_fen) {
          if (wish.amount_fen != 0 && wish.amount_fen != amount) continue;
          if (reach.asked_fen > 0 && amount > std::max(reach.asked_fen, product.from_fen)) continue;
          Search search(lending, reach, scratch);
          Found found;
          if (search.fit({static_cast<std::int32_t>(p), amount, term, method}, &found) !=
              Fit::kFits) {
            continue;
          }
          found.form = form;
          all.push_back(found);
        }
      }
    }
  }
  return all;
}

inline std::vector<Found> best_of_each_form(std::vector<Found> all, std::size_t count) {
  std::stable_sort(all.begin(), all.end(), [](const Found& a, const Found& b) {
    if (a.expected_profit_fen != b.expected_profit_fen) {
      return a.expected_profit_fen > b.expected_profit_fen;
    }
    return a.form != b.form ? a.form < b.form : a.amount_fen > b.amount_fen;
  });
  std::vector<Found> best;
  for (const Found& one : all) {
    const bool again = std::any_of(best.begin(), best.end(),
                                   [&](const Found& other) { return other.form == one.form; });
    if (!again && best.size() < count) best.push_back(one);
  }
  return best;
}

}  // namespace fenqi::offers::testing
