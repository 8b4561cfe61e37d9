#!/usr/bin/env bash
# Makes targets one after the other, each under a heading, and ends with a table of what passed and how long it took. A
# target that fails does not keep the others from running, so that one run tells all.
#
#   hack/sections.sh lint unit
set -uo pipefail
cd "$(dirname "$0")/.."
trap 'exit 130' INT TERM

table='' failed=0 began=$SECONDS
for target; do
  printf '\n=== %s\n' "$target"
  start=$SECONDS result=ok
  "${MAKE:-make}" --no-print-directory "$target" || { result=FAILED failed=1; }
  took=$((SECONDS - start))
  printf '=== %s: %s, %d s\n' "$target" "$result" "$took"
  table+=$(printf '%-12s %-7s %4d s' "$target" "$result" "$took")$'\n'
done
printf '\n%s%-12s %-7s %4d s\n' "$table" total "$( ((failed)) && echo FAILED || echo ok)" $((SECONDS - began))
exit "$failed"
