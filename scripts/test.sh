#!/usr/bin/env bash
# Runs every test, stage by stage, all of them even when one fails. Arguments choose stages: lint, unit, native, e2e, vm.
# The last line is always "N passed, M failed". A stage that could not run, ran nothing, or left something out, failed.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

logs=.cache/test
mkdir -p "$logs"
total_passed=0 total_failed=0
summary=()

# Each stage sets these two; `why` is the sentence for a failure that no test has reported.
passed=0 failed=0 why=''

run_lint() {
  local name
  for name in 'biome check .' 'tsc --noEmit -p tsconfig.json' 'tsc --noEmit -p web/tsconfig.json'; do
    # shellcheck disable=SC2086
    if node_modules/.bin/$name; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  done
}

run_vitest() {
  local report=$logs/vitest-$1.json status left_out
  rm -f "$report"
  node_modules/.bin/vitest run --project "$1" --reporter=default --reporter=json --outputFile.json="$report" </dev/null
  status=$?
  [[ -f $report ]] || { why="vitest ended with status $status and wrote no report"; return; }
  read -r passed failed left_out < <(node -e '
    const report = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
    // A file that could not be loaded has no tests to count, and is a failure all the same.
    const broken = report.testResults.filter((file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"));
    console.log(report.numPassedTests, report.numFailedTests + broken.length, report.numPendingTests + report.numTodoTests);
  ' "$report")
  ((left_out == 0)) || why="$left_out tests were skipped: a test that cannot run must fail and say why"
  ((status == 0 || failed > 0)) || why="vitest ended with status $status although no test failed"
}
run_unit() { run_vitest unit; }
run_e2e() { run_vitest e2e; }

# Programs that end in a line "N passed, M failed".
run_counting() {
  local log=$logs/$stage.log status line
  "$@" </dev/null 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
  [[ -n $line ]] || { why="it ended with status $status and without its line of results"; return; }
  read -r passed _ failed _ <<<"$line"
  ((status == 0 || failed > 0)) || why="it ended with status $status although no test failed"
}
run_native() { run_counting bash scripts/test-native.sh; }
run_vm() { run_counting npm run --silent test:vm; }

stages=("$@")
((${#stages[@]})) || stages=(lint unit native e2e vm)
for stage in "${stages[@]}"; do
  if ! declare -F "run_$stage" >/dev/null || [[ $stage == vitest || $stage == counting ]]; then
    echo "test: \"$stage\" is no stage; they are lint, unit, native, e2e and vm" >&2
    exit 1
  fi
  printf '\n=== %s\n' "$stage"
  passed=0 failed=0 why='' start=$SECONDS
  "run_$stage"
  ((passed + failed > 0)) || why=${why:-'it ran no test'}
  if [[ -n $why ]]; then
    echo "test: stage $stage failed: $why" >&2
    failed=$((failed + 1))
  fi
  total_passed=$((total_passed + passed))
  total_failed=$((total_failed + failed))
  summary+=("$(printf '%-8s %7d %7d %6d s  %s' "$stage" "$passed" "$failed" $((SECONDS - start)) "$why")")
done

printf '\n%-8s %7s %7s %8s\n' stage passed failed time
printf '%s\n' "${summary[@]}"
echo "$total_passed passed, $total_failed failed"
((total_failed == 0))
