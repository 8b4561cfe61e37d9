#!/usr/bin/env bash
# Prints the path of the CoreDNS that the name server is measured beside, after building it if that was not done before.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=hack/compile.sh
source "$root/hack/compile.sh"
export CGO_ENABLED=0 GOWORK=off

module=$root/test/bench/dns/coredns
key=coredns-$({ go version; cat "$module"/{go.mod,go.sum,main.go}; } | sha256sum | cut -c1-16)
compile_once "$key" "$module" . three -trimpath -ldflags '-s -w'
echo "$cache/$key"
