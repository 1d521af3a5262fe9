#!/usr/bin/env bash
# Fuzzes the kernels' front doors (tests/fuzz/) under AddressSanitizer and UndefinedBehaviorSanitizer with libFuzzer.
#   tools/fuzz.sh [CASES] [LIBFUZZER OPTIONS...]    CASES: 1000000
#   tools/fuzz.sh seeds                             the cases found so far, as few as cover as much, into tests/fuzz/seeds.txt
# What it finds stays in build/fuzz/corpus/; a case that fails is written to build/fuzz/crash-…, and
# `build/fuzz/dau_conv_fuzz build/fuzz/crash-…` runs it again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

find_clang() {
  local cxx
  for cxx in "${CLANG:-clang++}" clang++-{21,20,19,18,17,16,15,14}; do
    echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' |
      "$cxx" -fsanitize=fuzzer,address -x c++ - -o /dev/null 2> /dev/null || continue
    echo "$cxx"
    return
  done
  return 1
}
cxx=$(find_clang) || { tools/setup.sh package clang libclang-rt-14-dev && cxx=$(find_clang); } ||
  { echo "fuzz: needs clang++ with libFuzzer; name one with CLANG=" >&2; exit 1; }

out=build/fuzz
mkdir -p $out/objects $out/corpus $out/seeds
# -O1: a case is small, and the compiler must see what the source says. Counters and sanitizers in every file.
mapfile -t flags < <(sed -n '/^DAU_COPTS/,/^]/s/^ *"\(-D.*\)",$/\1/p' tools/bazel/copts.bzl)
flags+=(-std=c++17 -O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined -I.)

compile() {  # FILE: into its object, if anything has changed since
  local object=$out/objects/${1//\//_}.o
  local folders=(cc/kernels)
  [[ $1 != tests/* ]] || folders+=(tests/cc/kernels tests/fuzz)
  [[ -z $(find "${folders[@]}" "$1" -newer "$object" \( -name '*.h' -o -path "$1" \) 2>&1) ]] && return
  echo "fuzz: $1" >&2
  # What results are compared with is not what is looked for; counters there would take three quarters of the time.
  local counters=(-fsanitize=fuzzer-no-link)
  [[ $1 != cc/kernels/reference/* && $1 != tests/* ]] || counters=(-O2)
  "$cxx" "${flags[@]}" "${counters[@]}" -c "$1" -o "$object.part"
  mv "$object.part" "$object"
}
mapfile -t sources < <(find cc/kernels tests/fuzz tools/bazel -name '*.cc' ! -path '*/cuda/*' ! -name replay_main.cc | sort)
for source in "${sources[@]}"; do
  while (($(jobs -rp | wc -l) >= ${JOBS:-$(nproc)})); do wait -n; done
  compile "$source" &
done
while [[ -n $(jobs -p) ]]; do wait -n; done
objects=("${sources[@]//\//_}")
objects=("${objects[@]/%/.o}")
"$cxx" "${flags[@]}" -fsanitize=fuzzer "${objects[@]/#/$out/objects/}" -o $out/dau_conv_fuzz

hex() { python3 -c 'import sys; from pathlib import Path
if sys.argv[1] == "unpack":
    for i, line in enumerate(Path(sys.argv[2]).read_text().splitlines()):
        if data := bytes.fromhex(line.partition("#")[0]):
            (Path(sys.argv[3]) / f"seed-{i}").write_bytes(data)
else:
    print("# Cases of the fuzz target, one a line; written by `tools/fuzz.sh seeds`.")
    print(*sorted(path.read_bytes().hex() for path in Path(sys.argv[2]).iterdir()), sep="\n")' "$@"; }

export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
hex unpack tests/fuzz/seeds.txt $out/seeds
if [[ ${1:-} == seeds ]]; then
  rm -rf $out/minimal
  mkdir $out/minimal
  $out/dau_conv_fuzz -merge=1 -max_len=96 $out/minimal $out/corpus $out/seeds
  hex pack $out/minimal > tests/fuzz/seeds.txt
else
  exec $out/dau_conv_fuzz -runs="${1:-1000000}" -max_len=96 -timeout=30 -rss_limit_mb=2048 -malloc_limit_mb=1024 \
    -artifact_prefix=$out/ -print_final_stats=1 "${@:2}" $out/corpus $out/seeds
fi
