#!/usr/bin/env bash
# Builds bin/member, one real Kubernetes cluster in one process (test/member), and with the argument `kubectl` also
# bin/kubectl of the same version. The first build takes some minutes; the result is cached by a hash of its inputs.
#
#   hack/build-member.sh [kubectl]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=hack/compile.sh
source "$root/hack/compile.sh"
export CGO_ENABLED=0 GOWORK=off

# The version that the binaries say they are is the one that go.mod names.
version=$(sed -n 's/^[[:space:]]*k8s.io\/kubernetes \(v[0-9.]*\)$/\1/p' "$root/test/member/go.mod")
IFS=. read -r major minor _ <<<"${version#v}"
stamp=k8s.io/component-base/version
ldflags="-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=$major -X $stamp.gitMinor=$minor"
ldflags+=" -X $stamp.gitTreeState=clean -X $stamp.gitCommit=unknown"

# hash_of FILES… prints the hash of these files of test/member, of this script and of the compiler.
hash_of() {
    { go version; (cd "$root/test/member" && sha256sum -- "$@") ; sha256sum <"${BASH_SOURCE[0]}"; } | sha256sum | cut -c1-16
}

# provide NAME PACKAGE HASH: brings bin/NAME to the state with this hash.
provide() {
    local name=$1 package=$2 hash=$3
    local target=$root/bin/$name mark=$root/bin/.$name.hash cached=$cache/$name-$hash
    if [[ -x $target && -f $mark && $(<"$mark") == "$hash" ]]; then
        say "bin/$name is up to date"
        return
    fi
    mkdir -p "$root/bin"
    compile_once "$name-$hash" "$root/test/member" "$package" five -trimpath -ldflags "$ldflags"
    cp "$cached" "$target.$$.tmp"
    mv "$target.$$.tmp" "$target"
    echo "$hash" >"$mark"
    say "bin/$name is $cached"
}

# Not every Go file counts: tests are not in the binary.
mapfile -t sources < <(cd "$root/test/member" && find . -name '*.go' ! -name '*_test.go' | LC_ALL=C sort)

case ${1:-} in
'' | kubectl) ;;
*)
    say "unknown argument $1; usage: hack/build-member.sh [kubectl]"
    exit 2
    ;;
esac
provide member . "$(hash_of go.mod go.sum "${sources[@]}")"
if [[ ${1:-} == kubectl ]]; then
    provide kubectl k8s.io/kubernetes/cmd/kubectl "$(hash_of go.mod go.sum)"
fi
