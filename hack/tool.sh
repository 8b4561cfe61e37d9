#!/usr/bin/env bash
# Prints the path of a tool that hack/tools/go.mod pins, after building it if that was not done before.
#
#   "$(hack/tool.sh gofumpt)" -l .
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=hack/compile.sh
source "$root/hack/compile.sh"
export CGO_ENABLED=0 GOWORK=off

name=${1:?usage: hack/tool.sh NAME}
tools=$root/hack/tools
# A tool stands alone on its line, unlike what go.mod requires: that has a version.
package=$(sed -n "s|^[[:space:]]*\([^[:space:]]*/$name\)\$|\1|p" "$tools/go.mod")
if [[ -z $package ]]; then
    say "hack/tools/go.mod pins no tool $name"
    exit 2
fi
key=$name-$({ go version; sha256sum <"$tools/go.mod"; sha256sum <"$tools/go.sum"; } | sha256sum | cut -c1-16)
compile_once "$key" "$tools" "$package" two -trimpath -ldflags '-s -w'
echo "$cache/$key"
