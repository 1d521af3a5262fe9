#!/usr/bin/env bash
# Brings what the build needs; does nothing, fast, when it is there.
#   tools/setup.sh                  Debian packages, .venv/ with the pinned requirements, dau_tf importable from it
#   tools/setup.sh package NAME...  Debian packages only
# Environment: PYTHON (python3), TF (tensorflow-cpu; tensorflow or "tensorflow[and-cuda]" for GPUs).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { echo "setup: $*" >&2; }
die() { say "$*"; exit 1; }

install_packages() {
  if [[ $(id -u) != 0 ]] || ! command -v apt-get > /dev/null; then
    say "missing: install with \`sudo apt-get install $*\`, then run this again"
    return 1
  fi
  say "apt-get install $*"
  export DEBIAN_FRONTEND=noninteractive
  # The lists of a machine that has been in use serve; a fresh one has none.
  apt-get install -y -qq --no-install-recommends "$@" > /dev/null 2>&1 ||
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" > /dev/null; } ||
    { say "apt-get could not install $*"; return 1; }
}

system_packages() {
  local missing=()
  command -v g++ > /dev/null || missing+=(g++)
  [[ -e /usr/include/hwy/highway.h || -e /usr/local/include/hwy/highway.h ]] || missing+=(libhwy-dev)
  [[ -e /usr/include/gtest/gtest.h || -e /usr/local/include/gtest/gtest.h ]] || missing+=(libgtest-dev)
  ((${#missing[@]} == 0)) || install_packages "${missing[@]}"
}

make_venv() {
  local python=${PYTHON:-python3}
  command -v "$python" > /dev/null || die "$python not found: install Python 3.10 or newer, or name one with PYTHON="
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    die "Python 3.10 or newer is needed, $python is $("$python" -V); name another one with PYTHON="
  if ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
    install_packages python3-venv || true
    "$python" -c 'import ensurepip, venv' 2> /dev/null || die "$python cannot make virtual environments: on Debian and Ubuntu, apt-get install python3-venv"
  fi
  say "making .venv with $("$python" -V)"
  "$python" -m venv --clear .venv
}

requirements() {
  local tf=${TF:-tensorflow-cpu} pip=(.venv/bin/python -m pip --disable-pip-version-check --no-input --quiet)
  local key
  key=$(echo "$tf"; cat requirements*.txt pyproject.toml setup.py tools/setup.sh tools/packaging/*.py | sha256sum)
  [[ $key != "$(cat .venv/.dau-requirements 2> /dev/null || true)" ]] || return 0
  rm -f .venv/.dau-requirements
  say "installing the pinned requirements with $tf"
  # Both wheels own the folder tensorflow/: one must go before the other comes.
  local other=tensorflow
  [[ ${tf%%[*} != tensorflow ]] || other=tensorflow-cpu
  [[ -z $(compgen -G ".venv/lib/python3*/site-packages/${other//-/_}-*.dist-info") ]] || "${pip[@]}" uninstall -y "$other"
  sed "s/^tensorflow-cpu==/$tf==/" requirements.txt > .venv/requirements.txt
  "${pip[@]}" install -r .venv/requirements.txt -r requirements-dev.txt -r requirements-docs.txt
  DAU_TENSORFLOW=$tf "${pip[@]}" install --no-deps --no-build-isolation --editable .
  echo "$tf" > .venv/.dau-tensorflow
  echo "$key" > .venv/.dau-requirements
}

if [[ ${1:-} == package ]]; then
  install_packages "${@:2}"
else
  system_packages
  [[ -x .venv/bin/python && -n $(compgen -G '.venv/bin/pip*') ]] || make_venv
  requirements
fi
