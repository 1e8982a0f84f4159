// Listening sockets, and the names of those who connect.
#pragma once

#include <string>

#include "base/status.h"
#include "server/file_descriptor.h"

namespace fenqi::server {

// One TCP socket for each worker, all on the same port (SO_REUSEPORT); the kernel spreads
// connections over them. `address` is a numeric IPv4 or IPv6 address. `port` 0 takes a free one and
// is set to it. kUnavailable when another server has the port.
Status listen_tcp(const std::string& address, int& port, FileDescriptor& socket);
// kUnavailable when another server, also of this user, listens on that address and port.
Status check_port_free(const std::string& address, int port);
// One Unix socket, shared by all workers. A stale file of a server that is gone is replaced; a live
// one is kUnavailable.
Status listen_unix(const std::string& path, FileDescriptor& socket);

// Accepts one waiting connection, ready for use. Invalid when there is none; `exhausted` when the
// process has no descriptors left.
FileDescriptor accept_connection(int listener, std::string& peer, bool& exhausted);

}  // namespace fenqi::server
