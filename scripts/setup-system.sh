#!/bin/sh
# Makes sure that the machine can build Fenqi: a C++20 compiler, make, the libraries' headers and a
# Python with headers and venv. Says what is missing; installs it with apt where it may; otherwise
# says exactly what to install and fails.
#
#   scripts/setup-system.sh PYTHON        PYTHON: the interpreter that .venv will be made from
#
# Every probe tries the thing itself (compiles, links, imports), because a package's name says
# little on a machine that somebody set up in another way.
set -eu

python=${1:?usage: setup-system.sh PYTHON}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# compiles SOURCE [LINKER FLAGS...]: whether this is a C++20 program that links.
compiles() {
  source=$1
  shift
  printf '%s\n' "$source" > "$work/probe.cc"
  g++ -std=c++20 "$work/probe.cc" -o "$work/probe" "$@" > /dev/null 2>&1
}

has_compiler() { compiles '#include <span>
#include <concepts>
int main() { std::span<int> s; return static_cast<int>(s.size()); }'; }
has_make() { make --version > /dev/null 2>&1; }
has_nghttp2() { compiles '#include <nghttp2/nghttp2.h>
int main() { return nghttp2_version(0) == nullptr; }' -lnghttp2; }
has_openssl() { compiles '#include <openssl/ssl.h>
int main() { return TLS_method() == nullptr; }' -lssl -lcrypto; }
has_zlib() { compiles '#include <zlib.h>
int main() { return zlibVersion() == nullptr; }' -lz; }
has_re2() { compiles '#include <re2/re2.h>
int main() { return !RE2("a").ok(); }' -lre2; }
has_absl_time() { compiles '#include <absl/time/time.h>
int main() {
  absl::TimeZone zone;
  absl::Duration duration;
  return !absl::LoadTimeZone("UTC", &zone) || !absl::ParseDuration("1s", &duration);
}' -labsl_time -labsl_time_zone; }
has_tzdata() { [ -e "${TZDIR:-/usr/share/zoneinfo}/Asia/Shanghai" ]; }
has_doctest() { compiles '#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>'; }
has_venv() { "$python" -c 'import venv, ensurepip' > /dev/null 2>&1; }
has_python_headers() {
  include=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])' 2> /dev/null) &&
    compiles '#include <Python.h>
int main() {}' "-I$include"
}

# The Debian packages of the chosen interpreter are named after its version.
python_package=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])' \
  2> /dev/null || echo python3)

# One package a line, for everything that is missing.
missing_packages() {
  has_compiler || echo g++
  has_make || echo make
  has_python_headers || echo "$python_package-dev"
  has_venv || echo "$python_package-venv"
  # Without a compiler nothing could be tried: ask for all of them.
  has_nghttp2 || echo libnghttp2-dev
  has_openssl || echo libssl-dev
  has_zlib || echo zlib1g-dev
  has_re2 || echo libre2-dev
  has_absl_time || echo libabsl-dev
  has_tzdata || echo tzdata
  has_doctest || echo doctest-dev
}

# What some tests judge the server by; they are skipped where it is absent.
judging_packages() {
  [ -e /usr/share/grpc-proto/grpc/testing/test.proto ] || echo grpc-proto
  command -v h2load > /dev/null || echo nghttp2-client
}

missing=$(missing_packages | tr '\n' ' ')
wanted=$(judging_packages | tr '\n' ' ')
[ -n "$missing$wanted" ] || exit 0
[ -z "$missing" ] || echo "This machine lacks: $missing"
[ -z "$wanted" ] || echo "Some tests would be skipped without: $wanted"

as_root=
if [ "$(id -u)" != 0 ]; then
  as_root=sudo
  if ! sudo -n true > /dev/null 2>&1; then
    echo "They cannot be installed from here (not root, and sudo asks for a password). Run:"
    echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing$wanted"
    [ -z "$missing" ]
    exit
  fi
fi
if ! command -v apt-get > /dev/null; then
  echo "There is no apt-get here. Install what these Debian packages hold, then try again."
  [ -z "$missing" ]
  exit
fi

install() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

if [ -n "$missing" ]; then
  $as_root apt-get update -q
  install $missing
  missing=$(missing_packages | tr '\n' ' ')
  [ -z "$missing" ] || { echo "Still missing after the installation: $missing"; exit 1; }
fi
[ -z "$wanted" ] || { $as_root apt-get update -q && install $wanted; } ||
  echo "They could not be installed; those tests will be skipped."
