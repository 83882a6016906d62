# Where what is fetched for the tests is kept, once for all checkouts of a user: kernels, Kafka, ClickHouse, Prometheus, the tools for deploy/.
# VSLOG_DOWNLOADS names another folder. Read by setup.sh, the fetch-*.sh and, in TypeScript, test/support/downloads.ts.
# shellcheck shell=bash disable=SC2034
downloads=${VSLOG_DOWNLOADS:-${XDG_CACHE_HOME:-${HOME:-$PWD}/.cache}/vslog}
mkdir -p "$downloads"
