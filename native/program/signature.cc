#include "program/signature.h"

#include "fenqi/contract.h"

namespace fenqi::program {
namespace {

namespace op = contract::op;

constexpr Kind kAny = Kind::kNone;
constexpr Kind kBool = Kind::kBool;
constexpr Kind kInt = Kind::kInt;
constexpr Kind kUint = Kind::kUint;
constexpr Kind kDouble = Kind::kDouble;
constexpr Kind kString = Kind::kString;
constexpr Kind kDynamic = Kind::kDynamic;

constexpr Signature unary(Kind a, Kind makes) {
  return {1, {a, kAny, kAny}, makes};
}
constexpr Signature binary(Kind a, Kind b, Kind makes) {
  return {2, {a, b, kAny}, makes};
}
constexpr Signature ternary(Kind a, Kind b, Kind c, Kind makes) {
  return {3, {a, b, c}, makes};
}

constexpr Signature with(Extra extra, Signature signature) {
  signature.extra = extra;
  return signature;
}

// Equality and order come in groups of one operation a kind, in this order.
constexpr std::array<Kind, 5> kCompared = {kBool, kInt, kUint, kDouble, kString};

constexpr bool within(std::uint32_t operation, std::uint32_t first, std::uint32_t last) {
  return operation >= first && operation <= last;
}

// Of the functions from OP_GET_FULL_YEAR on.
std::optional<Signature> function_signature_of(std::uint32_t operation) {
  constexpr Kind kList = Kind::kList;
  if (within(operation, op::kGetFullYear, op::kGetMilliseconds)) return unary(kAny, kInt);
  if (within(operation, op::kGetFullYearIn, op::kGetMillisecondsIn)) {
    return binary(Kind::kTimestamp, kString, kInt);
  }
  if (within(operation, op::kSetContains, op::kSetsIntersect)) return binary(kList, kList, kBool);
  switch (operation) {
    case op::kMatches:
      return binary(kString, kString, kBool);
    case op::kRegexExtract:
      return binary(kString, kString, Kind::kOptional);
    case op::kRegexExtractAll:
      return binary(kString, kString, kList);
    case op::kRegexReplace:
    case op::kReplaceLimit:
      return with(Extra::kFour, {0, {}, kString});
    case op::kSplit:
      return ternary(kString, kString, kInt, kList);
    case op::kJoin:
      return binary(kList, kString, kString);
    case op::kQuote:
      return unary(kString, kString);
    case op::kFormat:
      return binary(kString, kList, kString);
    case op::kBase64Encode:
      return unary(Kind::kBytes, kString);
    case op::kBase64Decode:
      return unary(kString, Kind::kBytes);
    case op::kBitAnd:
    case op::kBitOr:
    case op::kBitXor:
    case op::kBitShiftLeft:
    case op::kBitShiftRight:
      return binary(kAny, kAny, kDynamic);
    case op::kBitNot:
    case op::kAbs:
    case op::kSign:
    case op::kReverseOf:
    case op::kGreatestOf:
    case op::kLeastOf:
      return unary(kAny, kDynamic);
    case op::kSqrtOf:
      return unary(kAny, kDouble);
    case op::kDistinct:
    case op::kSort:
      return unary(kList, kList);
    case op::kFlatten:
      return binary(kList, kInt, kList);
    case op::kRange:
      return unary(kInt, kList);
    case op::kSlice:
      return ternary(kList, kInt, kInt, kList);
    case op::kSortBy:
      return binary(kList, kList, kList);
    case op::kFirst:
    case op::kLast:
      return unary(kList, Kind::kOptional);
    default:
      return std::nullopt;
  }
}

// Of operations on values of any kinds.
std::optional<Signature> dynamic_signature_of(std::uint32_t operation) {
  if (within(operation, op::kAsBool, op::kAsType)) {
    return unary(kAny, static_cast<Kind>(operation - op::kAsBool + 1));
  }
  if (within(operation, op::kEq, op::kLe)) return binary(kAny, kAny, kBool);
  if (within(operation, op::kAdd, op::kMod)) return binary(kAny, kAny, kDynamic);
  switch (operation) {
    case op::kSize:
      return unary(kAny, kInt);
    case op::kIn:
      return binary(kAny, kAny, kBool);
    case op::kHasField:
      return binary(kAny, kString, kBool);
    case op::kIndex:
    case op::kIndexField:
      return binary(kAny, kAny, kDynamic);
    case op::kField:
      return binary(kAny, kString, kDynamic);
    case op::kIndexOptional:
      return binary(kAny, kAny, Kind::kOptional);
    case op::kFieldOptional:
      return binary(kAny, kString, Kind::kOptional);
    case op::kTypeOf:
      return unary(kAny, Kind::kType);
    case op::kNotStrictlyFalse:
    case op::kHasValue:
    case op::kToBool:
      return unary(kAny, kBool);
    case op::kMakeList:
      return with(Extra::kArguments, {0, {}, Kind::kList});
    case op::kMakeMap:
      return with(Extra::kPairs, {0, {}, Kind::kMap});
    case op::kMakeMessage:
      return with(Extra::kMakeMessage, {0, {}, Kind::kMessage});
    case op::kRequest:
      return with(Extra::kMessageType, {0, {}, Kind::kMessage});
    case op::kFold:
      return with(Extra::kBlock, binary(kAny, kAny, kDynamic));
    case op::kAppend:
    case op::kAppendOptional:
      return binary(kAny, kAny, Kind::kList);
    case op::kMapInsert:
    case op::kMapInsertOptional:
      return ternary(kAny, kAny, kAny, Kind::kMap);
    case op::kMapMerge:
      return binary(kAny, kAny, Kind::kMap);
    case op::kMakeTimestamp:
      return binary(kInt, kInt, Kind::kTimestamp);
    case op::kMakeDuration:
      return binary(kInt, kInt, Kind::kDuration);
    case op::kUnknownFunction:
      return Signature{0, {}, kDynamic};
    case op::kToFloat:
      return unary(kDouble, kDouble);
    case op::kNeg:
    case op::kTo32Bits:
    case op::kOptionalValue:
      return unary(kAny, kDynamic);
    case op::kOptionalOf:
    case op::kOptionalOfNonZero:
      return unary(kAny, Kind::kOptional);
    case op::kOptionalOr:
      return binary(kAny, kAny, Kind::kOptional);
    case op::kOptionalOrValue:
      return binary(kAny, kAny, kDynamic);
    case op::kOptionalUnwrap:
      return unary(kAny, Kind::kList);
    case op::kToInt:
      return unary(kAny, kInt);
    case op::kToUint:
      return unary(kAny, kUint);
    case op::kToDouble:
      return unary(kAny, kDouble);
    case op::kToString:
      return unary(kAny, kString);
    case op::kToBytes:
      return unary(kAny, Kind::kBytes);
    case op::kToTimestamp:
      return unary(kAny, Kind::kTimestamp);
    case op::kToDuration:
      return unary(kAny, Kind::kDuration);
    default:
      return function_signature_of(operation);
  }
}

}  // namespace

std::optional<Signature> signature_of(std::uint32_t operation) {
  for (const auto first : {op::kEqBool, op::kNeBool, op::kLtBool, op::kLeBool}) {
    if (within(operation, first, first + 4)) {
      const Kind kind = kCompared[operation - first];
      return binary(kind, kind, kBool);
    }
  }
  if (within(operation, op::kAddInt, op::kModInt)) return binary(kInt, kInt, kInt);
  if (within(operation, op::kAddUint, op::kModUint)) return binary(kUint, kUint, kUint);
  if (within(operation, op::kAddDouble, op::kDivDouble)) return binary(kDouble, kDouble, kDouble);
  switch (operation) {
    case op::kAnd:
    case op::kOr:
      return binary(kBool, kBool, kBool);
    case op::kNot:
      return unary(kBool, kBool);
    case op::kSelect:
      return ternary(kBool, kAny, kAny, kAny);
    case op::kPresent:
      return unary(kAny, kBool);
    case op::kDefault:
      return binary(kAny, kAny, kAny);

    case op::kNegInt:
      return unary(kInt, kInt);
    case op::kNegDouble:
      return unary(kDouble, kDouble);
    case op::kAddString:
      return binary(kString, kString, kString);

    case op::kInInt:
      return with(Extra::kSet, unary(kInt, kBool));
    case op::kInUint:
      return with(Extra::kSet, unary(kUint, kBool));
    case op::kInDouble:
      return with(Extra::kSet, unary(kDouble, kBool));
    case op::kInString:
      return with(Extra::kSet, unary(kString, kBool));

    case op::kIntToDouble:
      return unary(kInt, kDouble);
    case op::kUintToDouble:
      return unary(kUint, kDouble);
    case op::kDoubleToInt:
      return unary(kDouble, kInt);
    case op::kDoubleToUint:
      return unary(kDouble, kUint);
    case op::kIntToUint:
      return unary(kInt, kUint);
    case op::kUintToInt:
      return unary(kUint, kInt);
    case op::kStringToInt:
      return unary(kString, kInt);
    case op::kStringToUint:
      return unary(kString, kUint);
    case op::kStringToDouble:
      return unary(kString, kDouble);
    case op::kStringToBool:
      return unary(kString, kBool);
    case op::kIntToString:
      return unary(kInt, kString);
    case op::kUintToString:
      return unary(kUint, kString);
    case op::kDoubleToString:
      return unary(kDouble, kString);
    case op::kBoolToString:
      return unary(kBool, kString);

    case op::kGreatestInt:
    case op::kLeastInt:
      return binary(kInt, kInt, kInt);
    case op::kGreatestUint:
    case op::kLeastUint:
      return binary(kUint, kUint, kUint);
    case op::kGreatestDouble:
    case op::kLeastDouble:
      return binary(kDouble, kDouble, kDouble);
    case op::kAbsInt:
    case op::kSignInt:
      return unary(kInt, kInt);
    case op::kSignUint:
      return unary(kUint, kUint);
    case op::kAbsDouble:
    case op::kSignDouble:
    case op::kCeil:
    case op::kFloor:
    case op::kRound:
    case op::kTrunc:
    case op::kSqrt:
      return unary(kDouble, kDouble);
    case op::kIsNan:
    case op::kIsInf:
    case op::kIsFinite:
      return unary(kDouble, kBool);

    case op::kSizeString:
      return unary(kString, kInt);
    case op::kContains:
    case op::kStartsWith:
    case op::kEndsWith:
      return binary(kString, kString, kBool);
    case op::kCharAt:
      return binary(kString, kInt, kString);
    case op::kIndexOf:
      return ternary(kString, kString, kInt, kInt);
    case op::kLastIndexOf:
      return binary(kString, kString, kInt);
    case op::kLastIndexOfFrom:
      return ternary(kString, kString, kInt, kInt);
    case op::kLowerAscii:
    case op::kUpperAscii:
    case op::kTrim:
    case op::kReverse:
      return unary(kString, kString);
    case op::kSubstring:
      return binary(kString, kInt, kString);
    case op::kSubstringTo:
      return ternary(kString, kInt, kInt, kString);
    case op::kReplace:
      return ternary(kString, kString, kString, kString);

    case op::kHolds:
      return unary(kBool, kBool);
    case op::kExclusive:
      return ternary(kInt, kBool, kInt, kInt);
    case op::kWithConsent:
      return ternary(kInt, kAny, kInt, kAny);
    case op::kBin:
      return with(Extra::kBinning, unary(kAny, kInt));
    case op::kPoints:
      return with(Extra::kBinning, unary(kInt, kDouble));
    case op::kLogistic:
      return unary(kDouble, kDouble);
    default:
      return dynamic_signature_of(operation);
  }
}

}  // namespace fenqi::program
