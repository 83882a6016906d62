#!/usr/bin/env bash
# Builds dist/ (TypeScript, and the console's page) and build/native/vslog-capture (C++ and BPF). Does only what has changed; --force does everything.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
mkdir -p .cache

fail() {
  echo "build: $1" >&2
  exit 1
}

[[ -d node_modules ]] || fail 'node_modules is missing: run npm run setup'

# Two builds at once would write the same files.
exec 9>.cache/build.lock
flock -w 900 9 || fail 'another build has held .cache/build.lock for 15 minutes'

# Name, size and time of every file that the build reads.
inputs() {
  find "$@" -path src/wire/generated -prune -o -type f -printf '%p %s %T@\n' | LC_ALL=C sort | sha256sum | cut -d' ' -f1
}
# unchanged STAMP OUTPUT HASH
unchanged() { [[ -e $2 && $(cat ".cache/$1" 2>/dev/null) == "$3" ]]; }

[[ ${1:-} != --force ]] || rm -f .cache/typescript.stamp .cache/page.stamp .cache/native.stamp

# --- TypeScript

hash=$(inputs src proto scripts/gen-proto.mjs tsconfig.json tsconfig.build.json package.json package-lock.json)
if ! unchanged typescript.stamp dist/main.js "$hash"; then
  echo 'build: TypeScript'
  node scripts/gen-proto.mjs || fail 'proto/vslog/v1 could not be turned into TypeScript, see above'
  node_modules/.bin/tsc -p tsconfig.build.json || fail 'src/ does not compile, see above'
  # What tsc leaves: generated code, migrations, pages.
  while IFS= read -r -d '' file; do
    mkdir -p "dist/$(dirname "$file")"
    cp -p "src/$file" "dist/$file"
  done < <(cd src && find . -type f \( ! -name '*.ts' -o -path './wire/generated/*' \) -print0)
  # A file whose source is gone must not be imported by accident.
  while IFS= read -r -d '' file; do
    [[ -e src/${file%.js}.ts || -e src/$file ]] || rm -f "dist/$file" "dist/$file.map" "dist/${file%.js}.d.ts"
  done < <(cd dist && find . -path ./page -prune -o -name '*.js' -print0)
  [[ -f dist/main.js ]] || fail 'src/main.ts is missing, so there is no dist/main.js'
  chmod +x dist/main.js
  echo "$hash" >.cache/typescript.stamp
fi

# --- The console's page

hash=$(inputs web src/plot src/text scripts/build-page.mjs package.json package-lock.json)
if ! unchanged page.stamp dist/page/main.js "$hash"; then
  echo 'build: page'
  node scripts/build-page.mjs || fail 'web/ could not be bundled, see above'
  echo "$hash" >.cache/page.stamp
fi

# --- The capture

hash=$(inputs native test/conformance/native test/bench/CMakeLists.txt test/bench/engine_bench.cc test/bench/storm_flows.cc proto scripts/proto-fields.mjs)
if ! unchanged native.stamp build/native/vslog-capture "$hash"; then
  echo 'build: vslog-capture'
  (cd native && cmake --preset release >../.cache/cmake.log 2>&1) || {
    tail -n 30 .cache/cmake.log >&2
    fail 'cmake could not configure native/, see above'
  }
  (cd native && cmake --build --preset release -j "${JOBS:-$(nproc)}") >.cache/native.log 2>&1 || {
    grep -v '^\[' .cache/native.log | tail -n 60 >&2
    fail 'native/ does not compile, see above'
  }
  echo "$hash" >.cache/native.stamp
fi
