#!/usr/bin/env bash
# Packs what is to be handed on; run by `make wheel` and `make sdist`, after `make build`.
#   tools/wheel.sh sdist [FOLDER]    the sources that a wheel is built from, dau_tf-VERSION.tar.gz
#   tools/wheel.sh wheel [FOLDER]    that, unpacked, with the libraries of dau_tf/: a wheel without a compiler's work
# FOLDER is dist. Environment: TF, the TensorFlow that the wheel requires (what .venv/ was made with).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kind=${1:?sdist or wheel}
mkdir -p "${2:-dist}"
out=$(cd "${2:-dist}" && pwd)
python=$PWD/.venv/bin/python
export DAU_TENSORFLOW=${TF:-$(cat .venv/.dau-tensorflow 2> /dev/null || echo tensorflow-cpu)}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/sdist"
# Of a copy: setuptools would pack what earlier builds left in build/ and *.egg-info/ too.
tools/copy_tree.sh "$work/tree"

backend='import sys; sys.path.insert(0, "tools/packaging"); import dau_build; dau_build.build_sdist(sys.argv[1])'
(cd "$work/tree" && env -u DAU_TENSORFLOW "$python" -c "$backend" "$work/sdist" > "$work/log" 2>&1) || { cat "$work/log" >&2; exit 1; }
if [[ $kind == sdist ]]; then
  mv -f "$work"/sdist/*.tar.gz "$out/"
else
  tar -x -f "$work"/sdist/*.tar.gz -C "$work/sdist" --strip-components=1
  install -m 755 dau_tf/_dau_ops.so dau_tf/_dau_xla.so "$work/sdist/dau_tf/"
  install -m 644 dau_tf/_build_info.json "$work/sdist/dau_tf/"
  # Wheels for several minor versions may lie in one folder.
  label='import json; b = json.load(open("dau_tf/_build_info.json"))
print("tf" + ".".join(b["tensorflow"].split(".")[:2]) + (".cuda" + b["cuda"] if b["cuda"] else ""))'
  DAU_LOCAL_VERSION=$("$python" -c "$label")
  export DAU_LOCAL_VERSION
  rm "$work"/sdist/*.tar.gz
  "$python" -m pip --disable-pip-version-check --quiet wheel --no-deps --no-build-isolation --wheel-dir "$out" "$work/sdist"
fi
newest=$(ls -t "$out" | head -1)
echo "$kind: $newest, $(du --apparent-size --block-size=KB "$out/$newest" | cut -f 1)"
