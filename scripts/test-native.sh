#!/usr/bin/env bash
# Tests native/: GoogleTest under ASan and UBSan, rooms with threads under TSan too, each libFuzzer target for FUZZ_SECONDS (5) or --minutes N, clang-tidy.
# Ends in a line "N passed, M failed". Arguments choose parts: unit, fuzz, tidy, or quick: only what is built for ASan.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
exec node --import tsx test/native/run/main.ts "$@"
