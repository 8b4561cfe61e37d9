#!/usr/bin/env bash
# Runs golangci-lint over both modules with code of our own. Arguments are passed on, e.g. --fix.
set -euo pipefail
cd "$(dirname "$0")/.."

linter=$(hack/tool.sh golangci-lint)
status=0
"$linter" run "$@" || status=$?
# With the flags of hack/build-member.sh the packages it compiled are found again.
(cd test/member && CGO_ENABLED=0 GOWORK=off GOFLAGS=-trimpath "$linter" run "$@") || status=$?
exit "$status"
