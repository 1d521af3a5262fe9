#!/usr/bin/env bash
# Compiles the kernels for 64-bit ARM, so that the NEON code is seen by a compiler on every change, though tests run
# on x86. Needs Debian's g++-aarch64-linux-gnu: installs it as root, and else says that the check was skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cxx=aarch64-linux-gnu-g++
command -v $cxx > /dev/null || tools/setup.sh package g++-aarch64-linux-gnu || true
if ! command -v $cxx > /dev/null; then
  echo "check_neon: SKIPPED, there is no $cxx: the NEON code was not compiled" >&2
  exit 0
fi

# Highway's headers alone: what else lies beside them is of this machine, not of ARM.
include=$(mktemp -d)
trap 'rm -rf "$include"' EXIT
for folder in /usr/local/include/hwy /usr/include/hwy; do
  [[ ! -d $folder ]] || ln -sfn "$folder" "$include/hwy"
done

# The flags of every other build, and CUDA's stand-in, whose fibers switch another way on ARM; -O1 is where always_inline must hold, and half the time of -O3.
mapfile -t flags < <(sed -n '/^DAU_COPTS/,/^]/s/^ *"\(-.*\)",$/\1/p' tools/bazel/copts.bzl)
mapfile -t sources < <(find cc/kernels tools/bazel -name '*.cc' | sort)
printf '%s\0' "${sources[@]}" |
  xargs -0 -n 1 -P "$(nproc)" $cxx -std=c++17 "${flags[@]}" -DDAU_CUDA_ON_CPU -O1 -I. -isystem "$include" -o /dev/null -c
echo "check_neon: ${#sources[@]} files compile for NEON"
