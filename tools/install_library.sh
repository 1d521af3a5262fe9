#!/usr/bin/env bash
# Puts the built libraries into dau_tf/, by renaming: a Python that has the old one loaded keeps it whole.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

put() {
  cmp -s "$1" "$2" && return
  install -m "$3" "$1" "$2.$$"
  mv -f "$2.$$" "$2"
}

put bazel-bin/cc/tf/_dau_ops.so dau_tf/_dau_ops.so 755
put bazel-bin/cc/tf/xla/_dau_xla.so dau_tf/_dau_xla.so 755
put bazel-bin/tools/bazel/_build_info.json dau_tf/_build_info.json 644
