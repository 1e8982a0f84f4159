// Time zones: an IANA name ("Asia/Shanghai"), or a fixed offset ("+05:30", "-08:00", "5:30").
//
// The rules of the IANA zones come from the system's tzdata through Abseil, and stay in memory for
// the life of the process. Names mean the same on every machine: "localtime", paths and whatever
// else names a file are refused.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fenqi::program {

// Immutable and cheap to copy; any thread may use it.
class TimeZone {
 public:
  TimeZone() = default;  // UTC

  // The zone of a fixed offset, at most 23:59 either way. Takes no memory.
  static std::optional<TimeZone> fixed(std::string_view offset);

  // The zone of a fixed offset or an IANA name; "" is UTC. Reads a file the first time that a name
  // is asked for: while a release is loaded, never in a request.
  static std::optional<TimeZone> load(std::string_view name);

  // Seconds east of UTC at that time, seconds since the epoch. Takes no memory.
  std::int64_t offset_at(std::int64_t seconds) const {
    return by_rules_ ? rules_.At(absl::FromUnixSeconds(seconds)).offset : offset_;
  }

 private:
  absl::TimeZone rules_;
  std::int32_t offset_ = 0;
  bool by_rules_ = false;
};

// Every zone that tzdata has, for names that only a request knows. There is one such object: it is
// bounded by what is installed (about 600 names, 10 MB), and no request adds to it.
class TimeZones {
 public:
  // Reads all zones (some tens of milliseconds) at the first call, which belongs into the loading
  // of a release; later calls cost nothing. Thread-safe.
  static const TimeZones& installed();

  // As TimeZone::load, but takes no memory and reads no file.
  std::optional<TimeZone> find(std::string_view name) const;

  std::size_t size() const { return zones_.size(); }

 private:
  TimeZones();

  struct Named {
    std::string name;
    TimeZone zone;
  };
  std::vector<Named> zones_;  // by name
};

}  // namespace fenqi::program
