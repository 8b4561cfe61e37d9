#!/usr/bin/env bash
# Sees to it that programs of others are there, to test and to measure the name server with. Those that are missing are
# installed, if this is Debian or the like, and root runs it. It always succeeds: a test whose program is not there is
# skipped, and says so.
#
#   hack/dns-programs.sh dig kdig
set -uo pipefail

declare -A package=(
  [dig]=bind9-dnsutils [kdig]=knot-dnsutils [drill]=ldnsutils
  [named]=bind9 [knotd]=knot [unbound]=unbound [dnsperf]=dnsperf
)

PATH=$PATH:/usr/sbin:/sbin
missing=() packages=()
for program; do
  command -v "$program" >/dev/null && continue
  missing+=("$program") packages+=("${package[$program]:?unknown program $program}")
done
((${#missing[@]})) || exit 0

without() {
  echo "dns-programs: ${missing[*]} not there, and $1: tests that need them are skipped" >&2
  echo "dns-programs: on Debian: apt-get install --no-install-recommends ${packages[*]}" >&2
  exit 0
}
command -v apt-get >/dev/null || without 'there is no apt-get to install them'
((EUID == 0)) || without 'only root can install them'

echo "dns-programs: installing ${packages[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# With RUNLEVEL=1 no server is started that comes with a package.
install() {
  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 timeout 300 apt-get install -y --no-install-recommends "${packages[@]}" >"$log" 2>&1
}
if ! install && ! { timeout 120 apt-get update >"$log" 2>&1 && install; }; then
  tail -5 "$log" >&2
  without 'they could not be installed'
fi
