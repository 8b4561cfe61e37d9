#!/usr/bin/env bash
# Fails when a Go file that people write does not begin with the two lines on copyright and license.
set -euo pipefail
cd "$(dirname "$0")/.."

header='// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0'
status=0
while read -r file; do
  # Build constraints may stand before it.
  if [[ $(grep -v -e '^//go:build ' -e '^$' "$file" | head -2) != "$header" ]]; then
    echo "$file" >&2
    status=1
  fi
done < <(hack/go-files.sh)
if ((status != 0)); then
  printf 'these files must begin with\n%s\n' "$header" >&2
fi
exit "$status"
