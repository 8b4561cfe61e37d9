#!/usr/bin/env bash
# Fails when go.mod or go.sum of one of the modules is not what go mod tidy makes of it.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
for module in . test/member test/bench/dns/coredns hack/tools; do
  if ! (cd "$module" && GOWORK=off go mod tidy -diff); then
    echo "run: cd $module && go mod tidy" >&2
    status=1
  fi
done
exit "$status"
