// What a deployment's traffic came to, in Python's plain types.
#pragma once

#include <pybind11/pybind11.h>

#include "base/histogram.h"
#include "engine/engine.h"

namespace fenqi::python {

// {count, p50_us, p99_us, p999_us, max_us} of nanoseconds.
pybind11::dict latency_figures(const Histogram& histogram);

// As `_native.pyi` describes it: TrafficFigures.
pybind11::object traffic_figures(const engine::DeploymentReport& report);

}  // namespace fenqi::python
