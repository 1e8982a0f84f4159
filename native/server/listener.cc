#include "server/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace fenqi::server {
namespace {

constexpr int kBacklog = 1024;
constexpr int kKeepaliveSeconds = 60;

Status system_error(const std::string& what) {
  const int code = errno;
  return error(code == EADDRINUSE ? StatusCode::kUnavailable : StatusCode::kFailedPrecondition,
               what + ": " + std::generic_category().message(code));
}

void set_option(int fd, int level, int option, int value = 1) {
  setsockopt(fd, level, option, &value, sizeof value);
}

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

bool parse_address(const std::string& text, int port, Address& address) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(static_cast<std::uint16_t>(port));
    address.size = sizeof *v4;
    return true;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<std::uint16_t>(port));
    address.size = sizeof *v6;
    return true;
  }
  return false;
}

int port_of(const Address& address) {
  if (address.storage.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
}

std::string name_of(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  switch (address.storage.ss_family) {
    case AF_INET:
      inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_addr,
                text.data(), text.size());
      return std::string("ipv4:") + text.data() + ":" + std::to_string(port_of(address));
    case AF_INET6:
      inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr,
                text.data(), text.size());
      return std::string("ipv6:[") + text.data() + "]:" + std::to_string(port_of(address));
    default:
      return "unix:";
  }
}

Status bind_tcp(const std::string& address, int port, bool shared, FileDescriptor& socket) {
  Address where;
  if (port < 0 || port > 65535 || !parse_address(address, port, where)) {
    return invalid_field("address", address + ":" + std::to_string(port) +
                                        " is not a numeric IP address and a port up to 65535");
  }
  socket = FileDescriptor(
      ::socket(where.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return system_error("cannot open a socket");
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR);
  if (shared) set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT);
  if (::bind(socket.get(), where.get(), where.size) != 0) {
    return system_error("cannot listen on " + address + ":" + std::to_string(port));
  }
  return {};
}

bool somebody_answers(const sockaddr_un& where) {
  const FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0 ||
         errno == EAGAIN;
}

}  // namespace

Status check_port_free(const std::string& address, int port) {
  FileDescriptor probe;
  return bind_tcp(address, port, false, probe);
}

Status listen_tcp(const std::string& address, int& port, FileDescriptor& socket) {
  if (Status status = bind_tcp(address, port, true, socket); !status.ok()) return status;
  if (::listen(socket.get(), kBacklog) != 0) {
    return system_error("cannot listen on " + address + ":" + std::to_string(port));
  }
  Address bound;
  bound.size = sizeof bound.storage;
  getsockname(socket.get(), bound.get(), &bound.size);
  port = port_of(bound);
  return {};
}

Status listen_unix(const std::string& path, FileDescriptor& socket) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  if (path.size() >= sizeof where.sun_path) {
    return invalid_field("unix_path", path + " is longer than a Unix socket's name may be");
  }
  std::memcpy(where.sun_path, path.c_str(), path.size() + 1);
  struct stat file {};
  if (::stat(path.c_str(), &file) == 0 && S_ISSOCK(file.st_mode)) {
    if (somebody_answers(where)) {
      return error(StatusCode::kUnavailable, path + ": another server listens there");
    }
    ::unlink(path.c_str());
  }
  socket = FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid() ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
      ::listen(socket.get(), kBacklog) != 0) {
    return system_error("cannot listen on " + path);
  }
  return {};
}

FileDescriptor accept_connection(int listener, std::string& peer, bool& exhausted) {
  Address from;
  from.size = sizeof from.storage;
  FileDescriptor socket(::accept4(listener, from.get(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  exhausted = !socket.valid() &&
              (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM);
  if (!socket.valid()) return socket;
  set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY);
  // A client that vanished under an open stream would otherwise be kept for ever.
  set_option(socket.get(), SOL_SOCKET, SO_KEEPALIVE);
  set_option(socket.get(), IPPROTO_TCP, TCP_KEEPIDLE, kKeepaliveSeconds);
  peer = name_of(from);
  return socket;
}

}  // namespace fenqi::server
