#!/usr/bin/env bash
# Runs all hack/verify-*.sh. Each says what to do when it fails.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=0
for script in hack/verify-*.sh; do
  start=$SECONDS
  if "$script"; then
    echo "ok      $script $((SECONDS - start)) s"
  else
    echo "FAILED  $script $((SECONDS - start)) s"
    failed=1
  fi
done
exit "$failed"
