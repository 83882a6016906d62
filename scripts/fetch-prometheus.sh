#!/usr/bin/env bash
# Unpacks Debian's prometheus, with its promtool, into the downloads (prometheus). It is not installed: that would make a service of it, which starts. apt checks what it downloads.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/downloads.sh
source scripts/downloads.sh

fail() {
  echo "fetch-prometheus: $1" >&2
  exit 1
}

target=$downloads/prometheus
version=$(apt-cache policy prometheus 2>/dev/null | awk '/Candidate:/ {print $2}')
[[ -n $version && $version != '(none)' ]] || fail "apt knows no package prometheus; run apt-get update as root, or use Debian 12, which has it"
[[ -x $target/usr/bin/promtool && $(cat "$target/.package" 2>/dev/null) == "$version" ]] && exit 0
echo "fetch-prometheus: prometheus $version"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
(cd "$scratch" && apt-get -q -o APT::Sandbox::User="$(id -un)" download prometheus >apt.log 2>&1) || {
  tail -n 3 "$scratch/apt.log" >&2
  fail 'apt-get could not download prometheus'
}
rm -rf "$target" "$target.new"
mkdir -p "$target.new"
dpkg-deb -x "$scratch"/*.deb "$target.new"
echo "$version" >"$target.new/.package"
mv "$target.new" "$target"
