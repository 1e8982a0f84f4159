#!/bin/sh
# Prints the Python to build with: the newest of 3.13 .. 3.11 that runs, those with headers first.
set -eu

works() { "$1" -c 'import sys; sys.exit(not sys.version_info[:2] >= (3, 11))' > /dev/null 2>&1; }
complete() {
  "$1" -c 'import ensurepip, os, sysconfig, venv
assert os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h"))' > /dev/null 2>&1
}

for wanted in complete works; do
  for python in python3.13 python3.12 python3.11 python3; do
    if works "$python" && { [ "$wanted" = works ] || complete "$python"; }; then
      echo "$python"
      exit 0
    fi
  done
done
echo "Fenqi needs Python 3.11 or newer, and none was found on the PATH." >&2
echo "On Debian 12, Ubuntu 24.04 or newer: sudo apt-get install python3 python3-venv python3-dev" >&2
echo "Elsewhere, install one and name it: make PYTHON=/path/to/python3.12 ..." >&2
exit 1
