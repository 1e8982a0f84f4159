#include "program/sets.h"

#include <algorithm>
#include <span>

#include "program/dynamic.h"
#include "program/scalars.h"

namespace fenqi::program {
namespace {

// The elements of a list, arranged for finding many.
class Members {
 public:
  // Where the budget does not suffice, it is spent and the members mean nothing.
  Members(const Value& list, Scratch& scratch) : scratch_(scratch) {
    if (!scratch.budget.spend(list.size)) return;
    auto** const pointers = scratch.arena.take_array<const Value*>(list.size);
    for (std::uint32_t i = 0; i < list.size; ++i) pointers[i] = &list.list[i];
    auto** const end = pointers + list.size;
    auto** const middle =
        std::partition(pointers, end, [](const Value* value) { return is_scalar(*value); });
    scalars_ = {pointers, middle};
    others_ = {middle, end};
    if (spend_for_sorting(scalars_, scratch.budget)) sort_scalars(scalars_);
  }

  bool hold(const Value& wanted) {
    if (is_scalar(wanted)) {
      const Value* const pointer = &wanted;
      if (!spend_for_sorting({&pointer, 1}, scratch_.budget)) return false;
      const auto at =
          std::lower_bound(scalars_.begin(), scalars_.end(), wanted,
                           [](const Value* a, const Value& b) { return order_scalars(*a, b) < 0; });
      return at != scalars_.end() && equal(**at, wanted, scratch_);
    }
    return std::any_of(others_.begin(), others_.end(), [&](const Value* other) {
      return scratch_.budget.spend(1) && equal(*other, wanted, scratch_);
    });
  }

 private:
  Scratch& scratch_;
  std::span<const Value*> scalars_;
  std::span<const Value*> others_;
};

Value answer(bool yes, const Scratch& scratch) {
  return scratch.budget.is_spent() ? Value::of_error(ErrorCode::kBudget, 0) : Value::of_bool(yes);
}

bool contains_all(const Value& list, const Value& part, Scratch& scratch) {
  Members members(list, scratch);
  return std::all_of(part.list, part.list + part.size,
                     [&](const Value& element) { return members.hold(element); });
}

}  // namespace

Value set_contains(const Value& list, const Value& part, Scratch& scratch) {
  return answer(contains_all(list, part, scratch), scratch);
}

Value sets_equivalent(const Value& a, const Value& b, Scratch& scratch) {
  return answer(contains_all(a, b, scratch) && contains_all(b, a, scratch), scratch);
}

Value sets_intersect(const Value& a, const Value& b, Scratch& scratch) {
  Members members(a, scratch);
  return answer(std::any_of(b.list, b.list + b.size,
                            [&](const Value& element) { return members.hold(element); }),
                scratch);
}

}  // namespace fenqi::program
