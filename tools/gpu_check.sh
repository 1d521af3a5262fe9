#!/usr/bin/env bash
# On a machine with a GPU and nvcc, but neither Bazel nor TensorFlow: builds the CUDA kernels, checks each against the
# CPU reference in every type, times them, and times PyTorch's convolutions beside them where PyTorch is.
#
#   tools/gpu_check.sh                build, check, time      (NVCC=, CUDA_HOME= choose the compiler; OUT= the folder)
#   tools/gpu_check.sh --emulate      the same programs on the processor by cuda_on_cpu.h, small: needs g++ only
#
# The last line is "N passed, N failed".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

emulate=false
[[ ${1:-} != --emulate ]] || emulate=true
out=${OUT:-build/gpu_check}
jobs=$(nproc)
mkdir -p "$out"

give_up() { echo "gpu_check: $*"; echo "0 passed, 1 failed"; exit 1; }

if $emulate; then
  command -v g++ > /dev/null || give_up "g++ not found"
  compile=(g++ -std=c++17 -O2 -Wall -Wextra -Werror -DDAU_CUDA_ON_CPU -I. -x c++)
  link=(g++)
  libs=()
else
  nvcc=${NVCC:-${CUDA_HOME:+$CUDA_HOME/bin/nvcc}}
  nvcc=${nvcc:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
  command -v "$nvcc" > /dev/null || give_up "nvcc not found: set NVCC or CUDA_HOME, or try --emulate"
  # native: for the GPU at hand. Newer than the compiler: its newest PTX, which the driver compiles.
  arch=native
  "$nvcc" -arch=native --dryrun -c -x cu /dev/null -o /dev/null > /dev/null 2>&1 || arch=$("$nvcc" --list-gpu-arch | tail -1)
  compile=("$nvcc" -std=c++17 -O3 --expt-relaxed-constexpr "-arch=$arch" -I.)
  link=("$nvcc" "-arch=$arch" -cudart=static)
  libs=()
  nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,clocks.max.memory --format=csv,noheader 2> /dev/null || true
  "$nvcc" --version | tail -2 | head -1
fi

kernels=(cc/kernels/cuda/*.cu cc/kernels/dau_conv_shape.cc)
for source in cc/kernels/cuda/*.cc; do
  [[ $source == */cuda_on_cpu.cc || $source == */fiber.cc ]] && ! $emulate || kernels+=("$source")
done
check=(tests/cc/kernels/cuda_check.cc cc/kernels/reference/dau_conv_reference.cc)
bench=(cc/bench/cuda_bench.cc cc/bench/cuda_peaks.cu)

object() { echo "$out/$(basename "$1").o"; }

echo "gpu_check: compiling ${#kernels[@]} + ${#check[@]} + ${#bench[@]} files with ${compile[0]}, $jobs at a time"
for source in "${kernels[@]}" "${check[@]}" "${bench[@]}"; do
  printf '%q ' "${compile[@]}" -c "$source" -o "$(object "$source")"
  echo
done | xargs -P "$jobs" -d '\n' -n 1 bash -c || give_up "a file does not compile"
objects() { for source in "$@"; do object "$source"; done; }
"${link[@]}" $(objects "${kernels[@]}" "${check[@]}") "${libs[@]}" -o "$out/cuda_check" || give_up "cuda_check does not link"
"${link[@]}" $(objects "${kernels[@]}" "${bench[@]}") "${libs[@]}" -o "$out/cuda_bench" || give_up "cuda_bench does not link"

"$out/cuda_check" $($emulate && echo --quick) | tee "$out/check.txt" || true
summary=$(tail -1 "$out/check.txt")
[[ $summary =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]] || summary="0 passed, 1 failed"
passed=${summary%% *}
failed=$(sed 's/.*, \([0-9]*\) failed/\1/' <<< "$summary")

"$out/cuda_bench" $($emulate && echo --tiny) | tee "$out/bench.txt" && passed=$((passed + 1)) || failed=$((failed + 1))
if $emulate; then
  echo "gpu_check: times of the processor, which say nothing about a GPU"
elif python3 -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2> /dev/null; then
  python3 tools/gpu_check_torch.py | tee "$out/torch.txt" && passed=$((passed + 1)) || failed=$((failed + 1))
else
  echo "gpu_check: no PyTorch that sees a GPU: convolutions are not timed"
fi
echo "$passed passed, $failed failed"
((failed == 0))
