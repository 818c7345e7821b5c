#!/usr/bin/env bash
# The simulator, built for release, on all cores: see `make sim` and docs/simulation.md.
#
#   deploy/sim.sh SEEDS          this many seeds from 1 on, and one that nobody chose
#   deploy/sim.sh seed N [1]     this one alone, made shorter if it fails; with 1, told in words
set -euo pipefail
cd "$(dirname "$0")/.."

# The checks for overlapping access cost a quarter of the time; `make test` has them.
SIM_ONLY=1 swift build -c release --build-tests -Xswiftc -enable-testing \
  -Xswiftc -enforce-exclusivity=unchecked --scratch-path .build-sim 2>&1 | grep -v -e 'unhandled' -e '^    /' -e '^$'

SIM_COMMIT=$(git describe --always --dirty 2>/dev/null || echo unknown)
export SIM_COMMIT
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

simulate() {
  .build-sim/release/forebayPackageTests.xctest --testing-library swift-testing \
    --filter everythingComesToOneTrueEnd
}

if [[ $1 == seed ]]; then
  SIM_SEED=$2 SIM_TRACE=${3:-} simulate
  exit
fi

seeds=$1
workers=$(nproc)
began=$SECONDS
jobs=()
for ((worker = 0; worker < workers; worker++)); do
  first=$((seeds * worker / workers + 1))
  last=$((seeds * (worker + 1) / workers))
  ((first <= last)) || continue
  SIM_SEEDS=$first-$last SIM_MARKS=1 simulate >"$logs/$worker" 2>&1 &
  jobs+=($!)
done
failed=0
for job in "${jobs[@]}"; do wait "$job" || failed=1; done

# One that nobody chose, twice: two processes must tell the same story.
day=$((RANDOM * 32768 + RANDOM + 1000000))
for life in once again; do
  SIM_SEED=$day simulate >"$logs/$life" 2>&1 || failed=1
done
if ((failed)); then
  cat "$logs"/*
  echo "sim: failed; the seed of the day is $day"
  exit 1
fi
hash=$(grep -o 'hash [0-9a-f]*' "$logs/once")
if [[ $hash != "$(grep -o 'hash [0-9a-f]*' "$logs/again")" ]]; then
  echo "sim: seed $day went differently the second time: something has an order of its own"
  exit 1
fi

events=$(awk '/^simulation: .* events,/ {sum += $2} END {print sum}' "$logs"/[0-9]*)
marks=$(awk '/^simulation: [0-9]+ × / {name = $0; sub(/^[^×]*× /, "", name); sum[name] += $2}
  END {for (name in sum) print sum[name], name}' "$logs"/[0-9]* | sort -n)
missing=$(awk '$1 == 0 {sub(/^0 /, ""); print}' <<<"$marks")
# So many seeds reach every situation, whichever they are.
if [[ -n $missing ]] && ((seeds >= 400)); then
  echo "sim: no seed has reached: ${missing//$'\n'/, }"
  exit 1
fi
echo "rarest situations: $(head -n 8 <<<"$marks" | sed 's/^\([0-9]*\) \(.*\)/\2 \1/' | paste -sd ';' | sed 's/;/; /g')"
echo "sim: $events events, $seeds seeds, $((SECONDS - began)) seconds, all fine;" \
  "so is the seed of the day, $day"
