#!/usr/bin/env bash
# Fails when the generated code is not what hack/update-codegen.sh makes of the types today.
set -euo pipefail
cd "$(dirname "$0")/.."

before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
cp -r pkg "$before/"
hack/update-codegen.sh >"$before/log" 2>&1 || { cat "$before/log" >&2; exit 1; }
if ! diff -ru "$before/pkg" pkg; then
  echo "generated code was out of date: hack/update-codegen.sh has just renewed it, commit the result" >&2
  exit 1
fi
