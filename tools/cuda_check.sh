#!/usr/bin/env bash
# What can be known of the CUDA engine on a machine without a GPU, beside the tests that run its kernels on the processor:
# no kernel spills registers; libraries with GPU kernels build, load and register them, and XLA lowers for a GPU; the
# programs for a machine with a GPU run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

home=$(tools/cuda_home.sh)
.venv/bin/python tools/ptxas_report.py --nvcc "$home/bin/nvcc" --jobs "$(nproc)"
CUDA_HOME=$home tools/build_library.sh cuda
mkdir -p build/cuda
install -m 755 bazel-bin/cc/tf/_dau_ops.so bazel-bin/cc/tf/xla/_dau_xla.so build/cuda/
./bazelw build //tests/cc/tf:xla_gpu_backend.so
install -m 755 bazel-bin/tests/cc/tf/xla_gpu_backend.so build/cuda/
DAU_CUDA_LIBRARY=build/cuda/_dau_ops.so .venv/bin/python -m pytest tests/dau_tf/gpu_kernels_test.py \
  tests/dau_tf/gpu_xla_test.py
tools/gpu_check.sh --emulate
