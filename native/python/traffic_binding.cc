#include "python/traffic_binding.h"

#include <pybind11/stl.h>

namespace py = pybind11;

namespace fenqi::python {
namespace {

py::dict drift_figures(const engine::Drift& drift) {
  py::dict figures;
  figures["psi"] = drift.psi;
  figures["noise_bound"] = drift.noise_bound;
  figures["requests"] = drift.requests;
  return figures;
}

py::dict comparison_figures(const engine::Comparison& comparison) {
  py::dict figures;
  figures["compared"] = comparison.compared;
  figures["agreed"] = comparison.agreed;
  figures["missed"] = comparison.missed;
  figures["swaps"] = comparison.swaps;
  figures["mean_difference"] = comparison.mean_difference;
  return figures;
}

py::dict role_figures(const engine::TrafficReport& report) {
  py::dict figures;
  figures["content_hash"] = report.content_hash;
  figures["requests"] = report.requests;
  figures["errors"] = report.errors;
  figures["decisions"] = report.decisions;
  py::list scores;
  for (const engine::ScoreReport& score : report.scores) {
    py::dict entry;
    entry["slot"] = score.slot;
    entry["edges"] = score.edges;
    entry["counts"] = score.counts;
    entry["drift"] = drift_figures(score.drift);
    scores.append(entry);
  }
  figures["scores"] = scores;
  py::list columns;
  for (const engine::ColumnReport& column : report.columns) {
    py::dict entry;
    entry["slot"] = column.slot;
    entry["column"] = column.column;
    entry["drift"] = drift_figures(column.drift);
    columns.append(entry);
  }
  figures["columns"] = columns;
  figures["latency"] = latency_figures(*report.latency);
  py::dict counts;
  report.latency->for_each([&](std::uint64_t upper_ns, std::uint64_t count) {
    counts[py::float_(static_cast<double>(upper_ns) / 1000.0)] = count;
  });
  figures["latency_counts"] = counts;
  figures["comparison"] = comparison_figures(report.comparison);
  return figures;
}

}  // namespace

py::dict latency_figures(const Histogram& histogram) {
  const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1000.0; };
  py::dict figures;
  figures["count"] = histogram.count();
  figures["p50_us"] = us(histogram.percentile(50.0));
  figures["p99_us"] = us(histogram.percentile(99.0));
  figures["p999_us"] = us(histogram.percentile(99.9));
  figures["max_us"] = us(histogram.max());
  return figures;
}

py::object traffic_figures(const engine::DeploymentReport& report) {
  if (report.number == 0) return py::none();
  py::dict figures;
  figures["number"] = report.number;
  figures["champion"] = role_figures(report.champion);
  figures["canary"] = report.canary ? py::object(role_figures(*report.canary)) : py::none();
  py::list shadows;
  for (const engine::TrafficReport& shadow : report.shadows) shadows.append(role_figures(shadow));
  figures["shadows"] = shadows;
  return figures;
}

}  // namespace fenqi::python
