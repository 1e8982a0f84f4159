#!/bin/sh
# The C++ tests, and the data plane's tests against sanitized tools: first under the address and
# undefined-behaviour sanitizers, then under the thread sanitizer.
#
#   scripts/sanitize.sh PYTHON
set -eu
cd "$(dirname "$0")/.."
python=${1:?usage: sanitize.sh PYTHON}

for mode in asan tsan; do
  echo "== $mode"
  make --no-print-directory --silent -C native -j"$(nproc)" MODE=$mode "PYTHON=$PWD/$python" test tools
  FENQI_NATIVE_MODE=$mode "$python" -m pytest tests/server
done
