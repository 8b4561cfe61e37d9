#!/usr/bin/env bash
# Builds bin/member, one real Kubernetes cluster in one process (test/member), and with the argument `kubectl` also
# bin/kubectl of the same version. The first build takes some minutes; the result is cached by a hash of its inputs.
#
#   hack/build-member.sh [kubectl]
#
# The cache is ${DROVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/drover}/tools.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${DROVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/drover}/tools
export CGO_ENABLED=0 GOWORK=off

say() { echo "build-member: $*" >&2; }

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

# compile PACKAGE FILE: builds the package, and puts the file in place only when it is whole. A line every 15 s shows
# that the build is alive.
compile() {
    local log unfinished="$2.$$.tmp" build status=0 started=$SECONDS next=15
    log=$(mktemp)
    (cd "$root/test/member" && exec go build -v -trimpath -ldflags "$ldflags" -o "$unfinished" "$1") 2>"$log" 9>&- &
    build=$!
    # Bash shields background commands from Ctrl-C, so that they have to be ended by hand.
    trap 'kill "$build" 2>/dev/null || true; rm -f "$log" "$unfinished"' EXIT
    while kill -0 "$build" 2>/dev/null; do
        sleep 1
        if ((SECONDS - started >= next)); then
            say "$next s, $(grep -vc ' ' "$log") packages compiled"
            next=$((next + 15))
        fi
    done
    wait "$build" || status=$?
    if ((status != 0)); then
        grep ' ' "$log" | tail -30 >&2 || true
        say "the build of $1 failed; its messages are above"
        exit "$status"
    fi
    mv "$unfinished" "$2"
    rm -f "$log"
    trap - EXIT
    say "built in $((SECONDS - started)) s"
}

# provide NAME PACKAGE HASH: brings bin/NAME to the state with this hash.
provide() {
    local name=$1 package=$2 hash=$3
    local target=$root/bin/$name mark=$root/bin/.$name.hash cached=$cache/$name-$3
    if [[ -x $target && -f $mark && $(<"$mark") == "$hash" ]]; then
        say "bin/$name is up to date"
        return
    fi
    mkdir -p "$cache" "$root/bin"
    exec 9>"$cache/lock"
    flock 9 # two builds at once would only take each other's CPU
    if [[ ! -x $cached ]]; then
        say "building $name $version; the first time this can take five minutes on two cores"
        compile "$package" "$cached"
    fi
    exec 9>&-
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
