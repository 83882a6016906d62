#!/usr/bin/env bash
# Unpacks the newest stock kernels of the two lines that the tests boot into the downloads (kernels/LINE): boot/ and lib/modules/. Needs no root and installs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/downloads.sh
source scripts/downloads.sh

fail() {
  echo "fetch-kernels: $1" >&2
  exit 1
}

# Debian's signed packages: linux-image-6.1.0-56-amd64 and linux-image-6.12.117+deb12-amd64 (-bpo on a backport). Not the -rt, -cloud and -unsigned ones.
newest() {
  apt-cache --names-only search "^linux-image-$1[0-9.]*[-+][0-9a-z.+~-]*-amd64\$" | cut -d' ' -f1 | grep -vE -- '-(rt|cloud)-' | sort -V | tail -n 1
}

for line in 6.1 6.12; do
  package=$(newest "${line/./\\.}\\." || true)
  [[ -n $package ]] || fail "apt knows no package linux-image-$line.*-amd64; run apt-get update as root, and see that bookworm-security (or backports) is among its sources"
  version=$(apt-cache policy "$package" | awk '/Candidate:/ {print $2}')
  target=$downloads/kernels/$line
  [[ -e $target/.package && $(<"$target/.package") == "$package $version" ]] && continue
  echo "fetch-kernels: $package $version"
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  (cd "$scratch" && apt-get -q -o APT::Sandbox::User="$(id -un)" download "$package" >apt.log 2>&1) || {
    tail -n 3 "$scratch/apt.log" >&2
    fail "apt-get could not download $package"
  }
  rm -rf "$target" "$target.new"
  mkdir -p "$target.new"
  dpkg-deb -x "$scratch"/*.deb "$target.new"
  echo "$package $version" >"$target.new/.package"
  mv "$target.new" "$target"
  rm -rf "$scratch"
done
