#!/usr/bin/env bash
# Fetches what test/support/kafka/versions.txt names, with what it needs at run time, into the downloads (kafka)/ARTIFACT-VERSION, by Maven, from wherever Maven's own settings say.
# Every file must have the SHA-256 that test/support/kafka/jars.sha256 has for it; --record writes that file anew, for a change of the versions.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/downloads.sh
source scripts/downloads.sh

fail() {
  echo "fetch-kafka: $1" >&2
  exit 1
}

here=test/support/kafka
sums=$PWD/$here/jars.sha256
target=$downloads/kafka
record=no
[[ ${1:-} == --record ]] && record=yes
[[ $record == yes || -f $sums ]] || fail "$sums is missing"
mkdir -p "$target"

wanted() { grep -F " $1/" "$sums"; }
# All that is wanted is there, right, and nothing else.
whole() {
  [[ -d $target/$1 && $(ls "$target/$1" | wc -l) == "$(wanted "$1" | wc -l)" ]] && (cd "$target" && wanted "$1" | sha256sum --check --quiet --status)
}

folders=()
while read -r what artifact version; do
  [[ $what == '#' || -z $what ]] && continue
  folder=$artifact-$version
  folders+=("$folder")
  [[ $record == no ]] && whole "$folder" && continue
  echo "fetch-kafka: $artifact $version"
  scratch=$(mktemp -d "$target/new.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  # Of the tools only what the producer's benchmark needs: the rest are other servers.
  only=''
  [[ $what == tools ]] && only='kafka-tools,kafka-tools-api,kafka-clients,kafka-server-common,argparse4j,HdrHistogram,jopt-simple,slf4j-api,slf4j-simple,jackson-annotations,jackson-core,jackson-databind,lz4-java,snappy-java,zstd-jni'
  mvn -B -q -f "$here/pom.xml" -Dkafka.artifact="$artifact" -Dkafka.version="$version" -DincludeScope=runtime -DincludeArtifactIds="$only" -DoutputDirectory="$scratch" \
    dependency:copy-dependencies </dev/null >"$target/fetch.log" 2>&1 || {
    grep -F ERROR "$target/fetch.log" | head -n 3 >&2
    fail "Maven could not fetch $artifact $version; its output is in $target/fetch.log"
  }
  rm -rf "${target:?}/$folder"
  mv "$scratch" "$target/$folder"
  chmod 755 "$target/$folder"
  [[ $record == yes ]] || whole "$folder" || fail "$target/$folder is not what jars.sha256 says: a file differs, is missing or is too many"
done <"$here/versions.txt"

if [[ $record == yes ]]; then
  (cd "$target" && for folder in "${folders[@]}"; do sha256sum "$folder"/*; done) >"$sums"
fi
