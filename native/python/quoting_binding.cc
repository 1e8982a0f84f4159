#include "python/quoting_binding.h"

#include <mutex>
#include <span>
#include <string_view>
#include <utility>

#include "engine/quoter.h"
#include "python/status_error.h"

namespace py = pybind11;

namespace fenqi::python {
namespace {

// A quoter that serves Python's threads in turn. The server's workers have their own.
class PyQuoter {
 public:
  explicit PyQuoter(std::shared_ptr<engine::Engine> engine)
      : engine_(std::move(engine)), quoter_(*engine_) {}

  using Method = engine::QuoterOutcome (engine::Quoter::*)(std::span<const std::uint8_t>);

  template <Method method>
  py::bytes call(const py::bytes& request) {
    const std::string_view text = request;
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    std::unique_lock lock(mutex_, std::defer_lock);
    engine::QuoterOutcome outcome;
    {
      py::gil_scoped_release unlocked;
      lock.lock();
      outcome = (quoter_.*method)(bytes);
    }
    throw_if_bad(outcome.status);
    return {reinterpret_cast<const char*>(outcome.response.data()), outcome.response.size()};
  }

 private:
  std::shared_ptr<engine::Engine> engine_;
  std::mutex mutex_;
  engine::Quoter quoter_;
};

}  // namespace

void bind_quoting(py::module_& module,
                  std::shared_ptr<engine::Engine> (*engine_of)(const py::object&)) {
  using engine::Quoter;
  py::class_<PyQuoter>(module, "Quoter", "Answers fenqi.v1.Quoting with the published release.")
      .def(py::init([engine_of](const py::object& engine) {
             return std::make_unique<PyQuoter>(engine_of(engine));
           }),
           py::arg("engine"))
      .def("quote", &PyQuoter::call<&Quoter::quote>, py::arg("request"),
           "QuoteRequest bytes to QuoteResponse bytes. Raises StatusError.")
      .def("schedule", &PyQuoter::call<&Quoter::schedule>, py::arg("request"),
           "ScheduleRequest bytes to ScheduleResponse bytes. Raises StatusError.")
      .def("annual_rate", &PyQuoter::call<&Quoter::annual_rate>, py::arg("request"),
           "AnnualRateRequest bytes to AnnualRateResponse bytes. Raises StatusError.");
}

}  // namespace fenqi::python
