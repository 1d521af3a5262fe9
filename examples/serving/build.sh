#!/usr/bin/env bash
# Builds restore.c against the TensorFlow wheel of a Python: build.sh OUT [PYTHON]. Needs a C compiler and libpng-dev.
# The program finds the wheel's libraries where they are; elsewhere name their folder in LD_LIBRARY_PATH.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
out=${1:?usage: build.sh OUT [PYTHON]}
python=${2:-$here/../../.venv/bin/python}
compiler=${CC:-cc}
command -v "$compiler" > /dev/null || { echo "build.sh: no C compiler: install gcc, or name one with CC=" >&2; exit 3; }
echo '#include <png.h>' | "$compiler" -E - > /dev/null 2>&1 || { echo "build.sh: no png.h: install libpng-dev" >&2; exit 3; }
# Not imported: that takes seconds.
tensorflow=$("$python" -c 'import importlib.util as u; print(u.find_spec("tensorflow").submodule_search_locations[0])')
"$compiler" -std=c11 -O2 -Wall -Wextra -Werror -o "$out" "$here/restore.c" -isystem "$tensorflow/include" \
  -L"$tensorflow" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 -lpng -Wl,-rpath,"$tensorflow"
