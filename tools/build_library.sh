#!/usr/bin/env bash
# Builds the op library and its bridge to XLA. With `cuda` as argument both for GPUs too: by the nvcc that
# tools/cuda_home.sh finds or installs; where there is none, it says so and builds for the CPU.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

flags=()
if [[ ${1:-} == cuda ]]; then
  if home=$(tools/cuda_home.sh); then
    flags=(--config=cuda "--repo_env=CUDA_HOME=$home")
  else
    echo "build: no CUDA toolkit; the libraries will have CPU kernels only" >&2
  fi
fi
./bazelw build ${flags[@]+"${flags[@]}"} //cc/tf:_dau_ops.so //cc/tf/xla:_dau_xla.so //tools/bazel:build_info
