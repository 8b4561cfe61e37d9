#!/usr/bin/env bash
# Fails when a Go file is not formatted as hack/update-format.sh does it.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t files < <(hack/go-files.sh)
unformatted=$("$(hack/tool.sh gofumpt)" -l "${files[@]}")
if [[ -n $unformatted ]]; then
  echo "$unformatted" >&2
  echo "these files are not formatted: run hack/update-format.sh" >&2
  exit 1
fi
