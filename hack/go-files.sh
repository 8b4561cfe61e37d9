#!/usr/bin/env bash
# Prints the names of the Go files that people write: all but the generated ones.
set -euo pipefail
cd "$(dirname "$0")/.."

find . -name '*.go' ! -name 'zz_generated.*' ! -path './pkg/generated/*' ! -path './.*' -printf '%P\n' | LC_ALL=C sort
