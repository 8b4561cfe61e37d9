#!/usr/bin/env bash
# Builds bin/drover and bin/kubectl-drover.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=hack/compile.sh
source hack/compile.sh

mkdir -p bin
build_watched . -trimpath -ldflags "-s -w $(hack/version-ldflags.sh)" -o bin/ ./cmd/...
