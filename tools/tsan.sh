#!/usr/bin/env bash
# Runs the kernels' threads under ThreadSanitizer: the cases of tests/fuzz/, each pass on real threads.
#   tools/tsan.sh [CASES]    2000
# One instruction set, plain C++: who reads and writes what is the same in all, and the others take minutes to compile.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=build/tsan
mkdir -p $out
flags=(-std=c++17 -O1 -g1 -fsanitize=thread -DHWY_COMPILE_ONLY_SCALAR -DDAU_FUZZ_THREADS -I.)
mapfile -t sources < <(find cc/kernels tests/fuzz tools/bazel -name '*.cc' ! -path '*/cuda/*' | sort)
compile() {
  local object=$out/${1//\//_}.o
  [[ -e $object && -z $(find cc/kernels tests/fuzz tests/cc/kernels "$1" -newer "$object" \( -name '*.h' -o -path "$1" \)) ]] && return
  echo "tsan: $1" >&2
  "${CXX:-g++}" "${flags[@]}" -c "$1" -o "$object.part"
  mv "$object.part" "$object"
}
for source in "${sources[@]}"; do
  while (($(jobs -rp | wc -l) >= ${JOBS:-$(nproc)})); do wait -n; done
  compile "$source" &
done
while [[ -n $(jobs -p) ]]; do wait -n; done
objects=("${sources[@]//\//_}")
objects=("${objects[@]/%/.o}")
"${CXX:-g++}" -fsanitize=thread "${objects[@]/#/$out/}" -o $out/replay
exec $out/replay tests/fuzz/seeds.txt "${1:-2000}"
