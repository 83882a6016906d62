#!/usr/bin/env bash
# Tests native/: GoogleTest under ASan and UBSan, the engine's and conntrack's under TSan too, each libFuzzer target for FUZZ_SECONDS (20), clang-tidy.
# Ends in a line "N passed, M failed". Arguments choose parts: unit, fuzz, tidy.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

seconds=${FUZZ_SECONDS:-20}
jobs=${JOBS:-$(nproc)}
logs=.cache/test
mkdir -p "$logs"
passed=0 failed=0

say() { echo "test-native: $*"; }
problem() {
  echo "test-native: $*" >&2
  failed=$((failed + 1))
}

# build PRESET: configures and builds, or says why not.
build() {
  local log=$logs/build-$1.log
  say "building $1"
  (cd native && cmake --preset "$1" && cmake --build --preset "$1" -j "$jobs") >"$log" 2>&1 && return
  grep -v '^\[' "$log" | tail -n 60 >&2
  problem "native/ does not build with preset $1; all of its output is in $log"
  return 1
}

# run_ctest FOLDER NAME: runs what was built there and counts it.
run_ctest() {
  local xml=$PWD/$logs/ctest-$2.xml
  rm -f "$xml"
  ctest --test-dir "$1" --output-on-failure --no-tests=error --timeout 120 -j "$jobs" --output-junit "$xml"
  local status=$? suite total=0 bad=0
  if [[ -f $xml ]]; then
    # Attributes of the first element; a test that was skipped or not run was not passed.
    suite=$(tr '\n\t' '  ' <"$xml" | grep -oE '<testsuite [^>]*>' | head -n 1)
    attribute() { grep -oE " $1=\"[0-9]+\"" <<<"$suite" | grep -oE '[0-9]+' || echo 0; }
    total=$(attribute tests)
    bad=$(($(attribute failures) + $(attribute disabled) + $(attribute skipped)))
  fi
  passed=$((passed + total - bad))
  failed=$((failed + bad))
  say "$2: $((total - bad)) of $total passed"
  ((total > 0)) || problem "$2: ctest found no test"
  ((status == 0 || bad > 0 || total == 0)) || problem "$2: ctest ended with status $status"
}

# Under ASan and UBSan everything; under TSan the engine, which other threads may ask to end connections, and the queue behind the thread of source conntrack.
unit() {
  if build asan; then run_ctest build/native-asan asan; fi
  if build tsan; then
    run_ctest build/native-tsan/test/engine tsan-engine
    run_ctest build/native-tsan/test/conntrack tsan-conntrack
  fi
}

# fuzz_one TARGET: feeds it for $seconds; its output is in its log. What earlier runs found goes on being tried; golden bytes and committed seeds are where a fresh run starts.
fuzz_one() {
  local name corpus folder seeds=()
  name=$(basename "$1")
  corpus=.cache/fuzz/$name
  mkdir -p "$corpus"
  for folder in "test/native/fuzz/corpus/$name" test/contract/golden; do
    [[ ! -d $folder ]] || seeds+=("$folder")
  done
  "$1" "$corpus" "${seeds[@]}" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="$logs/crash/$name-" >"$logs/$name.log" 2>&1 </dev/null && touch "$logs/$name.ok"
}

fuzz() {
  build fuzz || return
  local targets target name
  mapfile -t targets < <(find build/native-fuzz -name CMakeFiles -prune -o -type f -executable -name '*fuzz*' -print | sort)
  ((${#targets[@]})) || { problem 'no libFuzzer target was built: an executable whose name contains "fuzz" is one'; return; }
  mkdir -p "$logs/crash"
  rm -f "$logs"/*.ok
  say "${#targets[@]} targets for $seconds s each, $jobs at a time"
  export seconds logs
  export -f fuzz_one
  printf '%s\0' "${targets[@]}" | xargs -0 -n 1 -P "$jobs" bash -c 'fuzz_one "$1"' -
  for target in "${targets[@]}"; do
    name=$(basename "$target")
    if [[ -e $logs/$name.ok ]]; then
      passed=$((passed + 1))
      say "$name: $(grep number_of_executed_units "$logs/$name.log")"
    else
      tail -n 40 "$logs/$name.log" >&2
      problem "$name failed; its input is kept as $logs/crash/$name-*"
    fi
  done
}

tidy() {
  local database=build/native-asan source hash headers pending=() bad=0
  [[ -f $database/compile_commands.json ]] || build asan || return
  command -v clang-tidy >/dev/null || { problem 'clang-tidy is missing: run npm run setup -- --tests'; return; }
  # A file is looked at again when it, a header, the build or the rules have changed.
  headers=$({ cat .clang-tidy native/CMakeLists.txt && find native proto -type f \( -name '*.h' -o -name '*.proto' \) -print0 | sort -z | xargs -0 cat; } | sha256sum)
  mkdir -p .cache/tidy
  local sources
  mapfile -t sources < <(find native -name '*.cc' | sort)
  ((${#sources[@]})) || { problem 'clang-tidy has no file to look at'; return; }
  for source in "${sources[@]}"; do
    hash=$({ echo "$headers"; cat "$source"; } | sha256sum | cut -d' ' -f1)
    [[ $(cat ".cache/tidy/${source//\//_}" 2>/dev/null) == "$hash" ]] || pending+=("$source" "$hash")
  done
  say "clang-tidy on $((${#pending[@]} / 2)) of ${#sources[@]} files"
  ((${#pending[@]} == 0)) || printf '%s\0' "${pending[@]}" | xargs -0 -n 2 -P "$jobs" bash -c '
    name=.cache/tidy/${2//\//_}
    if clang-tidy --quiet -p "$1" --warnings-as-errors="*" "$2" >"$name.log" 2>&1 </dev/null; then echo "$3" >"$name"; else rm -f "$name"; fi' - "$database"
  for source in "${sources[@]}"; do
    [[ -f .cache/tidy/${source//\//_} ]] && continue
    grep -vE 'warnings? (generated|treated)|^Suppressed|^Use -header-filter' ".cache/tidy/${source//\//_}.log" >&2
    bad=$((bad + 1))
  done
  passed=$((passed + ${#sources[@]} - bad))
  ((bad == 0)) || problem "clang-tidy complains of $bad files"
}

for part in "${@:-unit fuzz tidy}"; do
  for name in $part; do
    case $name in
      unit | fuzz | tidy) "$name" ;;
      *) problem "\"$name\" is no part of the native tests: unit, fuzz or tidy" ;;
    esac
  done
done

echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
