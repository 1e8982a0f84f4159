#include "python/server_binding.h"

#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "python/status_error.h"
#include "server/quoting_service.h"
#include "server/scoring_service.h"
#include "server/server.h"

namespace py = pybind11;

namespace fenqi::python {
namespace {

constexpr const char* kServerDoc =
    "The gRPC data plane: fenqi.v1.Scoring, fenqi.v1.Quoting and grpc.health.v1 on `workers` "
    "threads.\n\n"
    "address: numeric, empty for no TCP listener. port: 0 takes a free one. unix_socket: path, "
    "empty "
    "for none. cpus: worker i is pinned to cpus[i % len]. tls_certificate, tls_key: PEM files; "
    "empty for cleartext. tls_client_ca: PEM file, clients must then show a certificate. "
    "max_message_bytes: of one request, compressed or not. grace_seconds: from begin_shutdown to "
    "the end of wait, at most.";

server::ServerOptions make_options(const std::string& address, int port,
                                   const std::string& unix_socket, int workers,
                                   std::vector<int> cpus, const std::string& tls_certificate,
                                   const std::string& tls_key, const std::string& tls_client_ca,
                                   std::size_t max_message_bytes,
                                   std::uint32_t max_concurrent_streams, double grace_seconds) {
  server::ServerOptions options;
  options.address = address;
  options.port = port;
  options.unix_path = unix_socket;
  options.workers = workers;
  options.cpus = std::move(cpus);
  options.tls.certificate_chain = tls_certificate;
  options.tls.private_key = tls_key;
  options.tls.client_ca = tls_client_ca;
  options.limits.max_message_bytes = max_message_bytes;
  options.limits.max_concurrent_streams = max_concurrent_streams;
  options.grace_ns = static_cast<std::int64_t>(grace_seconds * 1e9);
  return options;
}

}  // namespace

void bind_server(py::module_& module,
                 std::shared_ptr<engine::Engine> (*engine_of)(const py::object&)) {
  using server::Server;
  py::class_<Server>(module, "Server", kServerDoc)
      .def(py::init([engine_of](const py::object& engine, const std::string& address, int port,
                                const std::string& unix_socket, int workers, std::vector<int> cpus,
                                const std::string& tls_certificate, const std::string& tls_key,
                                const std::string& tls_client_ca, std::size_t max_message_bytes,
                                std::uint32_t max_concurrent_streams, double grace_seconds) {
             std::vector<std::shared_ptr<server::Service>> services;
             services.push_back(server::make_scoring_service(engine_of(engine)));
             services.push_back(server::make_quoting_service(engine_of(engine)));
             return std::make_unique<Server>(
                 make_options(address, port, unix_socket, workers, std::move(cpus), tls_certificate,
                              tls_key, tls_client_ca, max_message_bytes, max_concurrent_streams,
                              grace_seconds),
                 std::move(services));
           }),
           py::arg("engine"), py::kw_only(), py::arg("address") = "127.0.0.1", py::arg("port") = 0,
           py::arg("unix_socket") = "", py::arg("workers") = 1,
           py::arg("cpus") = std::vector<int>(), py::arg("tls_certificate") = "",
           py::arg("tls_key") = "", py::arg("tls_client_ca") = "",
           py::arg("max_message_bytes") = std::size_t{4} << 20,
           py::arg("max_concurrent_streams") = 256u, py::arg("grace_seconds") = 10.0)
      .def(
          "start",
          [](Server& server) {
            Status status;
            {
              py::gil_scoped_release unlocked;
              status = server.start();
            }
            throw_if_bad(status);
          },
          "Listens and serves. Raises StatusError where it cannot.")
      .def_property_readonly("port", &Server::port, "The TCP port that is bound.")
      .def("begin_shutdown", &Server::begin_shutdown,
           "Turns health to NOT_SERVING and lets calls in flight finish. Returns at once.")
      .def("wait", &Server::wait, py::call_guard<py::gil_scoped_release>(),
           "Returns when every worker has ended.");
}

}  // namespace fenqi::python
