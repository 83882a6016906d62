#!/usr/bin/env bash
# Makes the programs that check deploy/ in the downloads (deploy-tools): kustomize, a reader of compose files and Dockerfiles, and Kubernetes's schemas. From Go's and Python's package
# registries, wherever those tools are set up to look. Quick when nothing has changed.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/downloads.sh
source scripts/downloads.sh

fail() {
  echo "fetch-deploy-tools: $1" >&2
  exit 1
}

kustomize=v5.7.1
schemas=1.37.0
here=test/support/deploy/check
target=$downloads/deploy-tools

stamp=$(cat "$0" "$here"/* | sha256sum | cut -d' ' -f1)
[[ $(cat "$target/stamp" 2>/dev/null) != "$stamp" ]] || exit 0

command -v go >/dev/null || fail 'go is missing: install Go 1.26 or later (https://go.dev/dl)'
command -v python3 >/dev/null || fail 'python3 is missing: install it, with pip'
rm -rf "$target"
mkdir -p "$target"
log=$target/log
say() {
  tail -n 15 "$log" >&2
  fail "$1"
}

echo 'fetch-deploy-tools: kustomize'
GOBIN=$target go install "sigs.k8s.io/kustomize/kustomize/v5@$kustomize" >"$log" 2>&1 || say 'kustomize could not be built, see above'
echo 'fetch-deploy-tools: the reader of compose files and Dockerfiles'
(cd "$here" && go build -mod=readonly -o "$target/deploy-check" .) >"$log" 2>&1 || say 'test/support/deploy/check could not be built, see above'
echo "fetch-deploy-tools: Kubernetes's schemas"
python3 -m pip install -q --target "$target/python" "kubernetes-validate==$schemas" >"$log" 2>&1 || say "kubernetes-validate could not be installed, see above"
echo "$stamp" >"$target/stamp"
