#!/usr/bin/env bash
# Measures forebayd against the raw relay, in pairs, counts its allocations, and compares it with
# other proxies, as far as they are installed.
#
#     deploy/bench.sh [--smoke | --docs [options of forebay-bench compare]]
#
# Prints JSON; exits with 1 if a figure misses the budget of ARCHITECTURE.md. With --smoke it only
# shows that everything runs. With --docs it measures what docs/benchmarks.md shows, writes it there,
# and is content with whatever was measured.
set -euo pipefail
cd "$(dirname "$0")/.."

BENCH=.build/release/forebay-bench
RELAY="out/forebay-relay {socket} {sink}"

case ${1:-} in
  --smoke)
    "$BENCH" pairs --smoke --baseline "$RELAY"
    MESSAGES=100000 LIMIT=none deploy/allocations.sh
    "$BENCH" compare --smoke
    "$BENCH" growth --smoke
    "$BENCH" idle --smoke
    # RabbitMQ alone takes ten seconds to start and end.
    "$BENCH" upstreams --smoke --only redis,nats,kafka,http
    "$BENCH" hostile --smoke
    ;;
  --docs)
    # Eleven minutes in all: no round of the comparison begins that wouldn't end in time.
    "$BENCH" compare --time-limit 345s --docs docs "${@:2}"
    "$BENCH" growth --docs docs
    "$BENCH" idle --docs docs
    "$BENCH" hostile --docs docs
    ;;
  *)
    status=0
    "$BENCH" pairs --baseline "$RELAY" --cpu-limit 2.0 --round-trip-limit 1.25 "$@" || status=1
    deploy/allocations.sh || status=1
    "$BENCH" compare --check || status=1
    "$BENCH" idle --check || status=1
    "$BENCH" hostile --check || status=1
    exit "$status"
    ;;
esac
