// What the computation of one request may use up: memory and work.
#pragma once

#include "base/arena.h"
#include "base/budget.h"

namespace fenqi {

struct Scratch {
  Arena& arena;
  Budget& budget;
};

}  // namespace fenqi
