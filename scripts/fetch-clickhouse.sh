#!/usr/bin/env bash
# Unpacks Debian's clickhouse-server into the downloads (clickhouse-server). It is not installed: that would make a service of it, which starts. Its libraries are those of
# the package clickhouse-common, which is no service. apt checks what it downloads.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/downloads.sh
source scripts/downloads.sh

fail() {
  echo "fetch-clickhouse: $1" >&2
  exit 1
}

target=$downloads/clickhouse-server
version=$(apt-cache policy clickhouse-server 2>/dev/null | awk '/Candidate:/ {print $2}')
[[ -n $version && $version != '(none)' ]] || fail "apt knows no package clickhouse-server; run apt-get update as root, or use Debian 12, which has it"
[[ -x $target/usr/sbin/clickhouse-server && $(cat "$target/.package" 2>/dev/null) == "$version" ]] && exit 0
echo "fetch-clickhouse: clickhouse-server $version"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
(cd "$scratch" && apt-get -q -o APT::Sandbox::User="$(id -un)" download clickhouse-server >apt.log 2>&1) || {
  tail -n 3 "$scratch/apt.log" >&2
  fail 'apt-get could not download clickhouse-server'
}
rm -rf "$target" "$target.new"
mkdir -p "$target.new"
dpkg-deb -x "$scratch"/*.deb "$target.new"
ldd "$target.new/usr/sbin/clickhouse-server" | grep 'not found' >&2 && fail 'its libraries are missing: install clickhouse-common'
echo "$version" >"$target.new/.package"
mv "$target.new" "$target"
