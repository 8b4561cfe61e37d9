#!/usr/bin/env bash
# Formats all Go files that are not generated.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t files < <(hack/go-files.sh)
"$(hack/tool.sh gofumpt)" -w "${files[@]}"
