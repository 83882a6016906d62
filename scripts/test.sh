#!/usr/bin/env bash
# Sets up what the tests need and runs them: `npm test`, `npm run test:long`. Arguments go to test/gate/main.ts. Where the set-up fails the last line counts, too.
set -euo pipefail
cd "$(dirname "$0")/.."
# An earlier run's results must not be taken for this one's.
rm -f .cache/test/results.json
if ! bash scripts/setup.sh --tests; then
  echo 'test: the set-up failed, see above: no test ran'
  echo '0 passed, 1 failed'
  exit 1
fi
exec node --import tsx test/gate/main.ts "$@"
