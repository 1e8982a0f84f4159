#include "program/time_zone.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace fenqi::program {
namespace {

constexpr std::string_view kUtc = "UTC";
// More than tzdata has ever had.
constexpr std::size_t kMaxZones = 2000;

// A number of at most two digits, taken off the front of `text`; -1 where there is none.
int take_number(std::string_view& text) {
  int number = 0;
  std::size_t digits = 0;
  for (; digits < 2 && digits < text.size() && text[digits] >= '0' && text[digits] <= '9';
       ++digits) {
    number = number * 10 + (text[digits] - '0');
  }
  text.remove_prefix(digits);
  return digits == 0 ? -1 : number;
}

bool is_zone_name(std::string_view name) {
  if (name.empty() || name.front() == '/' || name == "localtime" || name == "posixrules") {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '-' || c == '+';
  });
}

// tzdata holds every zone again in these folders, with and without leap seconds.
bool is_variant(const std::filesystem::path& folder) {
  return folder.filename() == "posix" || folder.filename() == "right";
}

// Where Abseil looks, too.
std::filesystem::path tzdata() {
  const char* folder = std::getenv("TZDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/usr/share/zoneinfo";
}

}  // namespace

std::optional<TimeZone> TimeZone::fixed(std::string_view offset) {
  const bool west = offset.starts_with('-');
  if (west || offset.starts_with('+')) offset.remove_prefix(1);
  const int hours = take_number(offset);
  if (hours < 0 || hours > 23 || !offset.starts_with(':')) return std::nullopt;
  offset.remove_prefix(1);
  if (offset.size() != 2) return std::nullopt;
  const int minutes = take_number(offset);
  if (minutes < 0 || minutes > 59 || !offset.empty()) return std::nullopt;
  TimeZone zone;
  zone.offset_ = (hours * 60 + minutes) * (west ? -60 : 60);
  return zone;
}

std::optional<TimeZone> TimeZone::load(std::string_view name) {
  if (name.empty() || name == kUtc) return TimeZone();
  if (const auto zone = fixed(name)) return zone;
  TimeZone zone;
  zone.by_rules_ = true;
  if (!is_zone_name(name) || !absl::LoadTimeZone({name.data(), name.size()}, &zone.rules_)) {
    return std::nullopt;
  }
  return zone;
}

TimeZones::TimeZones() {
  namespace fs = std::filesystem;
  const fs::path root = tzdata();
  std::error_code problem;  // an absent tzdata leaves no zones
  fs::recursive_directory_iterator at(root, problem);
  for (; !problem && at != fs::recursive_directory_iterator() && zones_.size() < kMaxZones;
       at.increment(problem)) {
    std::error_code unreadable;
    if (at->is_directory(unreadable)) {
      if (is_variant(at->path())) at.disable_recursion_pending();
      continue;
    }
    std::string name = at->path().lexically_relative(root).generic_string();
    if (const auto zone = TimeZone::load(name)) zones_.push_back({std::move(name), *zone});
  }
  std::sort(zones_.begin(), zones_.end(),
            [](const Named& a, const Named& b) { return a.name < b.name; });
}

const TimeZones& TimeZones::installed() {
  static const TimeZones zones;
  return zones;
}

std::optional<TimeZone> TimeZones::find(std::string_view name) const {
  if (name.empty() || name == kUtc) return TimeZone();
  if (const auto zone = TimeZone::fixed(name)) return zone;
  const auto at =
      std::lower_bound(zones_.begin(), zones_.end(), name,
                       [](const Named& zone, std::string_view text) { return zone.name < text; });
  if (at == zones_.end() || at->name != name) return std::nullopt;
  return at->zone;
}

}  // namespace fenqi::program
