#!/usr/bin/env bash
# Writes docs/reference/api.md from what a running API server says that it serves. An integration test checks it.
set -euo pipefail
cd "$(dirname "$0")/.."

go test ./test/integration -run '^TestAPIReference$' -count=1 -update >/dev/null
