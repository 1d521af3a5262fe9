#!/usr/bin/env bash
# Copies what git tracks, or would with the next `git add`, as it is in the working tree: tools/copy_tree.sh FOLDER
set -euo pipefail
mkdir -p "$1"
to=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Without what is tracked but deleted.
git ls-files -z --cached --others --exclude-standard |
  xargs -0 sh -c 'for f; do [ ! -f "$f" ] || printf "%s\0" "$f"; done' - |
  tar -c --null --files-from=- | tar -x -C "$to"
