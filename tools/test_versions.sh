#!/usr/bin/env bash
# `make test` on another TensorFlow or Python: in a copy of the sources, build/tf2.20-python3.13/, with a .venv, a Bazel
# and libraries of its own, so that those of this folder stay as they are. Run by `make test TF_VERSION=2.20 PYTHON=python3.13`.
#   tools/test_versions.sh MINOR PYTHON [COMMAND...]    MINOR as in requirements.txt or requirements-tf*.txt;
#                                                       COMMAND in place of `make test`, e.g. .venv/bin/python -m pytest
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

minor=${1:?TensorFlow minor} python=${2:?python}
command=("${@:3}")
((${#command[@]})) || command=(make test)
copy=$PWD/build/tf$minor-$(basename "$python")

pinned=$(sed -n 's/^tensorflow-cpu==\([0-9]*\.[0-9]*\).*/\1/p' requirements.txt)
others=requirements-tf$minor.txt
if [[ $minor != "$pinned" && ! -e $others ]]; then
  echo "test: TF_VERSION must be $pinned, or one that has a requirements-tf*.txt: $(echo requirements-tf*.txt). Received: $minor" >&2
  exit 1
fi

# A repository of its own: tests ask git what belongs to the project. What was there before and is no more goes.
mkdir -p "$copy"
[[ -d $copy/.git ]] || git -C "$copy" init --quiet
git -C "$copy" ls-files -z | (cd "$copy" && xargs -0 rm -f)
tools/copy_tree.sh "$copy"

# The other version's pins take the place of those of the same name, and stand beside the rest.
if [[ $minor != "$pinned" ]]; then
  awk -F '[=; ]' '/^#/ { next } FNR == NR { other[$1] = 1; print; next } !($1 in other)' "$others" requirements.txt \
    > "$copy/requirements.txt"
fi
git -C "$copy" add --all

cd "$copy"
# What make hands down would send it here again.
unset MAKEFLAGS MAKELEVEL MFLAGS TF_VERSION
export PYTHON=$python
trap '[[ ! -e bazel-out ]] || ./bazelw shutdown > /dev/null 2>&1 || true' EXIT
"${command[@]}"
