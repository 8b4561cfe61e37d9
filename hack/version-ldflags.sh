#!/usr/bin/env bash
# Prints the linker flags that stamp a version on the binaries: the Kubernetes version that is served, and after a + that
# of Drover, e.g. v1.37.2+drover-0.1.0. The same commit gives the same flags.
set -euo pipefail
cd "$(dirname "$0")/.."

kubernetes=$(sed -n 's/^[[:space:]]*k8s\.io\/apiserver v0\.\([0-9.]*\)$/1.\1/p' go.mod)
IFS=. read -r major minor _ <<<"$kubernetes"
release=0.1.0-dev commit=unknown tree=unknown date=1970-01-01T00:00:00Z
if commit_here=$(git rev-parse HEAD 2>/dev/null); then
  commit=$commit_here
  date=$(TZ=UTC git log -1 --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ)
  tree=clean
  [[ -z $(git status --porcelain) ]] || tree=dirty
  if tag=$(git describe --tags --match 'v[0-9]*' 2>/dev/null); then
    release=${tag#v}
  fi
fi

stamp() { printf -- '-X k8s.io/component-base/version.%s=%s ' "$1" "$2"; }
stamp gitVersion "v$kubernetes+drover-$release"
stamp gitMajor "$major"
stamp gitMinor "$minor"
stamp gitCommit "$commit"
stamp gitTreeState "$tree"
stamp buildDate "$date"
echo
