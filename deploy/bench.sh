#!/usr/bin/env bash
# Measures forebayd against the raw relay, in pairs, and counts its allocations.
#
#     deploy/bench.sh [--smoke]
#
# Prints JSON; exits with 1 if a figure misses the budget of ARCHITECTURE.md. With --smoke it only
# shows that everything runs.
set -euo pipefail
cd "$(dirname "$0")/.."

BENCH=.build/release/forebay-bench
RELAY="out/forebay-relay {socket} {sink}"

if [[ ${1:-} == --smoke ]]; then
  "$BENCH" pairs --smoke --baseline "$RELAY"
  MESSAGES=100000 LIMIT=none deploy/allocations.sh
else
  status=0
  "$BENCH" pairs --baseline "$RELAY" --cpu-limit 2.0 --round-trip-limit 1.25 "$@" || status=1
  deploy/allocations.sh || status=1
  exit "$status"
fi
