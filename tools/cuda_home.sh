#!/usr/bin/env bash
# Prints where a CUDA toolkit is: CUDA_HOME, else /usr/local/cuda, else PyPI's packages, installed into .cuda/.
# Fails with a sentence where there is none and none can be installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { echo "cuda: $*" >&2; }

complete() { [[ -x $1/bin/nvcc ]] && compgen -G "$1/lib*/libcudart_static.a" > /dev/null; }

found() {
  complete "$1" || return 1
  say "$("$1/bin/nvcc" --version | grep release | sed 's/.*release \([^,]*\),.*/CUDA \1/') in $1"
  echo "$1"
  exit 0
}

if [[ -n ${CUDA_HOME:-} ]]; then
  found "$CUDA_HOME" || say "CUDA_HOME=$CUDA_HOME has no bin/nvcc or no libcudart_static.a; looking elsewhere"
fi
[[ ${DAU_CUDA_FROM:-} == pypi ]] || found /usr/local/cuda || true

packages=$PWD/.cuda
key=$(sha256sum requirements-cuda.txt)
if [[ $key != "$(cat "$packages/.key" 2> /dev/null || true)" ]]; then
  python=.venv/bin/python
  [[ -x $python ]] || python=python3
  say "installing nvcc from PyPI into .cuda/"
  rm -rf "$packages"
  "$python" -m pip --disable-pip-version-check --no-input --quiet install --no-deps --target "$packages" \
    -r requirements-cuda.txt >&2 || { say "no CUDA toolkit: set CUDA_HOME to one, or make PyPI reachable"; exit 1; }
  # pip keeps no mode bits under --target on some versions.
  chmod +x "$packages"/nvidia/cu*/bin/* "$packages"/nvidia/cu*/nvvm/bin/* 2> /dev/null || true
  echo "$key" > "$packages/.key"
fi
for home in "$packages"/nvidia/cu*; do found "$home" || true; done
say "PyPI's packages in .cuda/ hold no complete toolkit: remove .cuda/ and try again"
exit 1
