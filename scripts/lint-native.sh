#!/bin/sh
# Layout and static checks of the C++ core, each where its tool is installed.
set -eu
cd "$(dirname "$0")/.."
failed=0

if command -v clang-format > /dev/null; then
  git ls-files 'native/*.cc' 'native/*.h' 'tests/native/*.cc' 'tests/native/*.h' |
    xargs clang-format --dry-run -Werror || failed=1
else
  echo "clang-format is not installed: the layout of the C++ sources was not checked"
fi

# The Python module is left out: its macros are pybind11's and not ours to mend. clang-tidy says how
# many warnings it did not show on stderr, for every file; only stdout is of use.
if command -v clang-tidy > /dev/null; then
  git ls-files 'native/*.cc' | grep -v '^native/python/' |
    xargs -P "$(nproc)" -n 1 sh -c '
      clang-tidy --quiet "$0" -- -std=c++20 -Inative -Ibuild/generated 2> /dev/null || exit 1' ||
    failed=1
else
  echo "clang-tidy is not installed: the C++ sources were not analysed"
fi

exit $failed
