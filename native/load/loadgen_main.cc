// The load generator alone: see --help.
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <string>

#include "load/command_line.h"
#include "load/load.h"

namespace {

using fenqi::load::Report;

double us(std::uint64_t ns) {
  return static_cast<double>(ns) / 1000.0;
}

std::string to_json(const fenqi::load::LoadOptions& options, const Report& report) {
  std::string failed;
  for (const auto& [status, count] : report.failed_by_status) {
    failed +=
        (failed.empty() ? "\"" : ", \"") + std::to_string(status) + "\": " + std::to_string(count);
  }
  std::string matched;
  for (const std::uint64_t count : report.matched) {
    matched += (matched.empty() ? "" : ", ") + std::to_string(count);
  }
  const fenqi::Histogram& h = *report.latency;
  const fenqi::Histogram& late = *report.lateness;
  std::string text(1024 + failed.size() + matched.size(), '\0');
  const int size = std::snprintf(
      text.data(), text.size(),
      "{\"mode\": \"%s\", \"offered_rate\": %.1f, \"rate\": %.1f, \"seconds\": %.3f, "
      "\"arrivals\": %" PRIu64 ", \"answered\": %" PRIu64 ", \"errors\": %" PRIu64
      ", \"failed_by_status\": {%s}, \"resets\": %" PRIu64 ", \"connections_lost\": %" PRIu64
      ", \"timeouts\": %" PRIu64
      ", \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, "
      "\"p9999_us\": %.1f, \"max_us\": %.1f, \"mean_us\": %.1f, \"lateness_p50_us\": %.1f, "
      "\"lateness_p99_us\": %.1f, \"generator_saturated\": %s, \"all_lost\": %s, "
      "\"matched\": [%s], \"mixed\": %" PRIu64 "}",
      options.closed ? "closed" : "open", options.closed ? 0.0 : options.rate, report.rate(),
      report.seconds, report.arrivals, report.answered, report.errors(), failed.c_str(),
      report.resets, report.connections_lost, report.timeouts, us(h.percentile(50)),
      us(h.percentile(90)), us(h.percentile(99)), us(h.percentile(99.9)), us(h.percentile(99.99)),
      us(h.max()), h.mean() / 1000.0, us(late.percentile(50)), us(late.percentile(99)),
      report.generator_saturated() ? "true" : "false", report.all_lost ? "true" : "false",
      matched.c_str(), report.mixed);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

void print_table(const fenqi::load::LoadOptions& options, const Report& report) {
  const fenqi::Histogram& h = *report.latency;
  if (options.closed) {
    std::printf("closed loop, %d connections x %d streams\n", options.connections, options.streams);
  } else {
    std::printf("open loop, %.0f/s over %d connections x %d streams, latency from when due\n",
                options.rate, options.connections, options.streams);
  }
  std::printf("answered  %" PRIu64 " in %.2f s: %.0f/s\n", report.answered, report.seconds,
              report.rate());
  for (const double percent : {50.0, 90.0, 99.0, 99.9, 99.99}) {
    std::printf("p%-7g  %.0f us\n", percent, us(h.percentile(percent)));
  }
  std::printf("max       %.0f us\nmean      %.0f us\n", us(h.max()), h.mean() / 1000.0);
  std::printf("errors    %" PRIu64 "\n", report.errors());
  for (const auto& [status, count] : report.failed_by_status) {
    std::printf("          %" PRIu64 " with gRPC status %d\n", count, status);
  }
  if (report.resets != 0) std::printf("          %" PRIu64 " reset\n", report.resets);
  if (report.connections_lost != 0) {
    std::printf("          %" PRIu64 " lost with their connection\n", report.connections_lost);
  }
  if (report.timeouts != 0) std::printf("          %" PRIu64 " without answer\n", report.timeouts);
  if (!options.closed) {
    std::printf("generator late by p50 %.1f us, p99 %.1f us\n", us(report.lateness->percentile(50)),
                us(report.lateness->percentile(99)));
  }
  if (report.generator_saturated()) {
    std::printf(
        "The generator could not keep up, and these figures say more about it than about the "
        "server:\ngive it a processor of its own (--cpu) or a lower rate.\n");
  }
  if (report.mixed != 0) {
    std::printf("%" PRIu64 " answers are none of those expected\n", report.mixed);
  }
  if (report.all_lost) std::printf("Every connection was lost: the run ended before its time.\n");
}

// The first signal asks for an early end, the next one kills.
void stop_on(int signal) {
  struct sigaction action {};
  action.sa_handler = [](int) { fenqi::load::request_stop(); };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(signal, &action, nullptr);
}

int fail(const fenqi::Status& status) {
  std::fprintf(stderr, "loadgen: %s\n", status.message.c_str());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  auto line = fenqi::load::parse_command_line(argc, argv);
  if (!line.ok()) return fail(line.status());
  if (line.value().help) {
    std::fputs(fenqi::load::kUsage, stdout);
    return 0;
  }
  stop_on(SIGINT);
  stop_on(SIGTERM);
  const fenqi::load::LoadOptions& options = line.value().options;
  auto report = fenqi::load::run(options);
  if (!report.ok()) return fail(report.status());
  const std::string& json = line.value().json;
  if (json != "-") print_table(options, report.value());
  if (!json.empty()) {
    std::FILE* out = json == "-" ? stdout : std::fopen(json.c_str(), "w");
    if (out == nullptr) {
      return fail(fenqi::error(fenqi::StatusCode::kInvalidArgument, "cannot write " + json));
    }
    std::fprintf(out, "%s\n", to_json(options, report.value()).c_str());
    if (out != stdout) std::fclose(out);
  }
  const bool fine =
      report.value().errors() == 0 && report.value().mixed == 0 && !report.value().all_lost;
  return fine ? 0 : 1;
}
