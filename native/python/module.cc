// The Python module fenqi._native: translates types, gives the GIL back while C++ works, and does
// nothing else.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/status.h"
#include "engine/engine.h"
#include "engine/release.h"
#include "engine/scorer.h"
#include "models/onnxruntime.h"
#include "program/messages.h"
#include "program/program.h"
#include "program/times.h"
#include "python/expression_binding.h"
#include "python/model_binding.h"
#include "python/offers_binding.h"
#include "python/quoting_binding.h"
#include "python/server_binding.h"
#include "python/status_error.h"
#include "python/table_binding.h"
#include "python/traffic_binding.h"

namespace py = pybind11;

namespace fenqi::python {
namespace {

std::span<const std::uint8_t> view(const py::bytes& bytes) {
  const std::string_view text = bytes;
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

py::bytes to_bytes(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

py::object plain(const Value& value) {
  char text[program::kMaxTimeText];
  switch (value.kind) {
    case Kind::kBool:
      return py::bool_(value.b);
    case Kind::kInt:
      return py::int_(value.i);
    case Kind::kUint:
      return py::int_(value.u);
    case Kind::kDouble:
      return py::float_(value.d);
    case Kind::kString:
    case Kind::kType:
      return py::str(value.s, value.size);
    case Kind::kBytes:
      return py::bytes(value.s, value.size);
    case Kind::kTimestamp:
      return py::str(text, program::write_timestamp(value, program::Fraction::kShortest, text));
    case Kind::kDuration:
      return py::str(text, program::write_duration(value, text));
    case Kind::kList: {
      py::list list;
      for (std::uint32_t i = 0; i < value.size; ++i) list.append(plain(value.list[i]));
      return list;
    }
    case Kind::kMap: {
      py::dict dict;
      for (std::uint32_t i = 0; i < value.size; ++i) {
        dict[plain(value.list[2 * i])] = plain(value.list[2 * i + 1]);
      }
      return dict;
    }
    case Kind::kOptional:
      return value.list == nullptr ? py::none() : plain(*value.list);
    case Kind::kMessage:
      return to_bytes(value.message->bytes);
    default:
      return py::none();
  }
}

// A feature's value: None where it is missing, its error's text wrapped in an exception object
// where it failed, otherwise a Python value; times as texts, messages as their bytes.
py::object to_python(const Value& value, const program::Program& program) {
  if (value.is_missing()) return py::none();
  if (value.is_error()) {
    return py::reinterpret_borrow<py::object>(PyExc_ValueError)(
        py::str(program::describe_error(value, program)));
  }
  return plain(value);
}

template <typename Work>
auto without_gil(Work work) {
  const py::gil_scoped_release unlocked;
  return work();
}

// An engine with the one scorer that serves Python's threads in turn. The server's workers have
// scorers of their own.
class PyEngine {
 public:
  explicit PyEngine(std::optional<quoting::AcknowledgementKey> key)
      : engine_(std::make_shared<engine::Engine>(key)), scorer_(*engine_) {}

  const std::shared_ptr<engine::Engine>& shared() const { return engine_; }

  std::shared_ptr<const engine::Release> load(const py::bytes& image,
                                              const std::string& onnxruntime_library) {
    const auto bytes = view(image);
    auto loaded = without_gil([&] { return engine_->load(bytes, onnxruntime_library); });
    throw_if_bad(loaded.ok() ? Status() : loaded.status());
    return loaded.value();
  }

  engine::Readiness prepare(const std::shared_ptr<const engine::Release>& release,
                            const std::vector<py::bytes>& requests, double latency_budget_us) {
    std::vector<engine::Bytes> copies;
    for (const py::bytes& request : requests) {
      const auto bytes = view(request);
      copies.emplace_back(bytes.begin(), bytes.end());
    }
    return without_gil(
        [&] { return engine_->prepare(release, std::move(copies), latency_budget_us); });
  }

  void deploy(engine::Deployment deployment) {
    throw_if_bad(without_gil([&] {
      Status deployed = engine_->deploy(std::move(deployment));
      // No worker of a server: nobody wakes it.
      const std::lock_guard lock(mutex_);
      scorer_.follow();
      return deployed;
    }));
  }

  py::object traffic() const {
    return traffic_figures(without_gil([&] { return engine_->traffic(); }));
  }

  std::shared_ptr<const engine::Release> release() const { return engine_->release(); }

  py::bytes score(const py::bytes& request) {
    return call(request, [](engine::Scorer& scorer, std::span<const std::uint8_t> bytes) {
      return scorer.score(bytes);
    });
  }

  py::bytes score_batch(const py::bytes& request) {
    return call(request, [](engine::Scorer& scorer, std::span<const std::uint8_t> bytes) {
      return scorer.score_batch(bytes);
    });
  }

  py::dict trace(const py::bytes& request) {
    const auto bytes = view(request);
    py::gil_scoped_release unlocked;
    const std::lock_guard lock(mutex_);
    const engine::Scorer::Trace trace = scorer_.trace(bytes);
    py::gil_scoped_acquire locked;
    throw_if_bad(trace.status);
    py::dict values;
    const program::Program& program = trace.release->program();
    for (const auto& named : program.named()) {
      values[py::str(named.name)] = to_python(trace.registers[named.register_index], program);
    }
    return values;
  }

  py::dict latency() const {
    const auto histograms = engine_->latency();
    py::dict stages;
    for (std::size_t i = 0; i < engine::kStageCount; ++i) {
      stages[engine::kStageNames[i]] = latency_figures((*histograms)[i]);
    }
    return stages;
  }

 private:
  template <typename Work>
  py::bytes call(const py::bytes& request, Work work) {
    const auto bytes = view(request);
    std::unique_lock lock(mutex_, std::defer_lock);
    engine::Outcome outcome;
    {
      py::gil_scoped_release unlocked;
      lock.lock();
      outcome = work(scorer_, bytes);
    }
    throw_if_bad(outcome.status);
    return to_bytes(outcome.response);
  }

  std::shared_ptr<engine::Engine> engine_;
  std::mutex mutex_;
  engine::Scorer scorer_;
};

std::shared_ptr<const engine::Release> load_release(const py::bytes& image,
                                                    const std::string& onnxruntime_library) {
  const auto bytes = view(image);
  Status status;
  std::shared_ptr<const engine::Release> release;
  {
    py::gil_scoped_release unlocked;
    std::shared_ptr<const models::OnnxRuntime> runtime;
    if (!onnxruntime_library.empty()) {
      auto loaded = models::OnnxRuntime::load(onnxruntime_library);
      if (loaded.ok()) {
        runtime = loaded.value();
      } else {
        status = loaded.status();
      }
    }
    if (status.ok()) {
      auto loaded = engine::Release::load(bytes, std::move(runtime));
      if (loaded.ok()) {
        release = loaded.value();
      } else {
        status = loaded.status();
      }
    }
  }
  throw_if_bad(status);
  return release;
}

}  // namespace
}  // namespace fenqi::python

PYBIND11_MODULE(_native, module) {
  using fenqi::engine::Release;
  using fenqi::python::PyEngine;

  module.doc() = "Fenqi's C++ core: releases, the engine and the gRPC data plane.";
  fenqi::python::bind_status_error(module);
  fenqi::python::bind_expression(module);
  fenqi::python::bind_tables(module);
  fenqi::python::bind_models(module);
  fenqi::python::bind_offers(module);

  py::class_<Release, std::shared_ptr<Release>>(
      module, "Release", "One policy and its models, compiled, immutable, named by a content hash.")
      .def(py::init([](const py::bytes& image, const std::string& onnxruntime_library) {
             return std::const_pointer_cast<Release>(
                 fenqi::python::load_release(image, onnxruntime_library));
           }),
           py::arg("image"), py::arg("onnxruntime_library") = "")
      .def_property_readonly("policy", &Release::policy)
      .def_property_readonly("policy_version", &Release::policy_version)
      .def_property_readonly("content_hash", &Release::content_hash);

  py::class_<PyEngine>(module, "Engine", "Answers requests with the published deployment.")
      .def(py::init([](const py::bytes& acknowledgement_key) {
             const std::string_view secret = acknowledgement_key;
             const auto key = fenqi::quoting::AcknowledgementKey::create(secret);
             if (!key && !secret.empty()) {
               throw py::value_error("an acknowledgement key has 32 to 64 bytes");
             }
             return std::make_unique<PyEngine>(key);
           }),
           py::arg("acknowledgement_key") = py::bytes())
      .def(
          "load",
          [](PyEngine& engine, const py::bytes& image, const std::string& onnxruntime_library) {
            return std::const_pointer_cast<Release>(engine.load(image, onnxruntime_library));
          },
          py::arg("image"), py::arg("onnxruntime_library") = "",
          "A release that is not published. Raises StatusError.")
      .def(
          "prepare",
          [](PyEngine& engine, const std::shared_ptr<Release>& release,
             const std::vector<py::bytes>& requests, double latency_budget_us) {
            const auto report = engine.prepare(release, requests, latency_budget_us);
            return py::make_tuple(report.ready, report.p50_us, report.p99_us, report.requests,
                                  report.failed, report.why);
          },
          py::arg("release"), py::arg("requests"), py::arg("latency_budget_us"),
          "(ready, p50_us, p99_us, requests, failed, why)")
      .def(
          "deploy",
          [](PyEngine& engine, const std::shared_ptr<Release>& champion,
             const std::optional<std::tuple<std::shared_ptr<Release>, double, std::string>>& canary,
             const std::vector<std::shared_ptr<Release>>& shadows) {
            fenqi::engine::Deployment deployment{
                champion, std::nullopt, {shadows.begin(), shadows.end()}};
            if (canary) std::apply([&](auto... of) { deployment.canary = {of...}; }, *canary);
            engine.deploy(std::move(deployment));
          },
          py::arg("champion"), py::arg("canary") = py::none(),
          py::arg("shadows") = std::vector<std::shared_ptr<Release>>(),
          "canary: (release, share, salt). Raises StatusError.")
      .def("traffic", &PyEngine::traffic, "By role; None before the first deployment.")
      .def(
          "release",
          [](const PyEngine& engine) { return std::const_pointer_cast<Release>(engine.release()); },
          "The champion, or None.")
      .def("score", &PyEngine::score, py::arg("request"),
           "ScoreRequest bytes to ScoreResponse bytes. Raises StatusError.")
      .def("score_batch", &PyEngine::score_batch, py::arg("request"),
           "ScoreBatchRequest bytes to ScoreBatchResponse bytes. Raises StatusError.")
      .def("trace", &PyEngine::trace, py::arg("request"),
           "Named value (features first; see NamedRegister in release_image.proto) to what it is "
           "for "
           "this request: None where missing, a ValueError where it failed.")
      .def("latency", &PyEngine::latency,
           "Stage name to {count, p50_us, p99_us, p999_us, max_us}, over all threads.");

  constexpr auto engine_of = [](const py::object& engine) {
    return engine.cast<const PyEngine&>().shared();
  };
  fenqi::python::bind_quoting(module, engine_of);
  fenqi::python::bind_server(module, engine_of);
}
