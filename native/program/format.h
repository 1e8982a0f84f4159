// string.format of CEL's strings extension, as cel-cpp has it.
//
// A clause is "%", a precision (".3") and a letter: %s any value; %d a number; %f and %e a number
// with that many digits after the point (6 where none is said, at most 1000), or one of the texts
// "NaN", "Infinity" and "-Infinity"; %b an integer or truth value, %o an integer, %x and %X an
// integer, string or bytes. "%%" is a percent sign. Nothing depends on the language of the machine.
//
// Note that %s writes a double with six significant digits; string() writes all there are.
#pragma once

#include <string_view>

#include "base/scratch.h"
#include "base/value.h"

namespace fenqi::program {

// `format` with its clauses replaced by the elements of the list `arguments` in turn; more of them
// than clauses do no harm. A string, or an error without a place: kBadArgument where a clause is
// malformed, kOutOfRange where there are too few arguments, kNoOverload where one is of a type that
// its clause cannot write, kUnreadable where bytes are not UTF-8, kTooLarge, kBudget.
//
// The elements of lists and maps are written as %s writes them, those of a map in the order of
// their keys' texts.
Value format(std::string_view format, const Value& arguments, Scratch& scratch);

}  // namespace fenqi::program
