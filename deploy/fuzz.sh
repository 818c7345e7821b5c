#!/usr/bin/env bash
# The fuzzer: see `make fuzz` and docs/fuzzing.md.
#
#   deploy/fuzz.sh SECONDS           every target, one after the other, for so long in all
#   deploy/fuzz.sh SECONDS TARGET    this one for so long
#   deploy/fuzz.sh merge [TARGET]    keeps of what was found in out/fuzz what adds coverage
#   deploy/fuzz.sh try TARGET FILE…  feeds these files, with a stack for what goes wrong
#
# SEED=n makes the same inputs in the same order each time, as far as the time allows: what CI runs, so
# that one commit doesn't pass on one day and fail on the next.
#
# What it finds is below out/fuzz: new inputs in TARGET, and those that went wrong in TARGET-crash-….
set -euo pipefail
cd "$(dirname "$0")/.."

# `--sanitize` twice would let the second one win, and nothing would be counted.
FUZZ_ONLY=1 swift build -c release --product forebay-fuzz --scratch-path .build-fuzz \
  --sanitize fuzzer -Xswiftc -sanitize=fuzzer,address -Xswiftc -enable-testing 2>&1 |
  grep -v -e 'unhandled' -e '^    /' -e '^$' -e '__asan_extra_spill_area'

program=.build-fuzz/release/forebay-fuzz
found=out/fuzz
mkdir -p "$found"
# Swift's own report of a crash reads memory that isn't there, which would be the crash we see. What
# was freed is kept from use for a while, and how much of it is bounded. Leaks are not looked for: a
# pointer inside an enum is hidden by its tag bits, and what it leads to would count as lost.
export SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=64
all=$(sed -n 's/^  static let name = "\(.*\)"$/\1/p' Tests/*/Fuzzing/*Fuzz.swift)

# The words that mean something, from where they are written down.
words() {
  case $1 in
  admin) cat Sources/ForebayDaemon/Admin{Command+*,Query}.swift | grep -oE '[a-z_]+' ;;
  config) grep -oE '[a-z_]+:|[0-9]+[A-Za-z]+|[a-z+]+:/' deploy/forebay.yaml ;;
  nats) grep -ohE '"[A-Z_a-z]{2,}[ "]' Sources/ForebayUpstreams/NATS/NATS{Reader,Ack,Info}.swift | tr -d '"' ;;
  redis) grep -oE '[A-Z]{2,}' Sources/ForebayUpstreams/Redis/RedisComplaint.swift ;;
  esac | sort -u | sed 's/.*/"&"/' >"$found/$1.dict"
}

options() {
  case $1 in
  session | link | client | journal | redis | nats) echo "-max_len=700 -len_control=20" ;;
  world) echo "-max_len=360 -len_control=0" ;;
  config) echo "-max_len=4000 -timeout=20" ;;
  *) echo "-max_len=2000" ;;
  esac
  case $1 in
  admin | config | redis | nats) words "$1" && echo "-dict=$found/$1.dict" ;;
  esac
}

run() {
  local target=$1
  shift
  # shellcheck disable=SC2046 # Several words on purpose.
  FUZZ_TARGET=$target nice -n 10 "$program" $(options "$target") -rss_limit_mb=3000 \
    -artifact_prefix="$found/$target-" "$@"
}

fuzz() {
  local target=$1 seconds=$2 log=$found/$1.log status=0
  mkdir -p "$found/$target" "Tests/Corpora/$target"
  run "$target" -max_total_time="$seconds" -seed="${SEED:-0}" -print_final_stats=1 \
    "$found/$target" "Tests/Corpora/$target" >"$log" 2>&1 || status=$?
  awk -v target="$target" '
    / cov: / {for (i = 1; i < NF; i++) {if ($i == "cov:") cov = $(i + 1); if ($i == "corp:") corp = $(i + 1)}}
    /number_of_executed_units/ {runs = $2} /average_exec_per_sec/ {rate = $2}
    /new_units_added/ {new = $2}
    END {printf "fuzz: %-8s %9d executions, %6d/s, coverage %5d, corpus %s, %d new\n", target, runs, rate, cov, corp, new}
  ' "$log"
  ((status == 0)) && return
  grep -e 'Fatal error' -e 'ERROR: ' -e '^    #[0-9] ' -e 'Test unit written' "$log" | head -n 25 || tail -n 30 "$log"
  echo "fuzz: $target went wrong; to see it again: deploy/fuzz.sh try $target FILE"
  return 1
}

merge() {
  local target=$1 kept
  kept=$(mktemp -d)
  mkdir -p "$found/$target" "Tests/Corpora/$target"
  # By edges alone, or every other count of a loop would be a file of its own.
  run "$target" -set_cover_merge=1 -use_counters=0 "$kept" "Tests/Corpora/$target" "$found/$target" >"$found/$target.log" 2>&1
  rm -rf "Tests/Corpora/$target"
  mv "$kept" "Tests/Corpora/$target"
  chmod 755 "Tests/Corpora/$target"
  echo "fuzz: $target keeps $(find "Tests/Corpora/$target" -type f | wc -l) files," \
    "$(du -sb "Tests/Corpora/$target" | cut -f 1) bytes"
}

case $1 in
try)
  run "$2" "${@:3}"
  ;;
merge)
  for target in ${2:-$all}; do merge "$target"; done
  ;;
*)
  targets=${2:-$all}
  # Of all time, each has an equal part.
  part=$(($1 / $(wc -w <<<"$targets")))
  began=$SECONDS
  for target in $targets; do fuzz "$target" $((part > 0 ? part : 1)) || failed+=" $target"; done
  [[ -z ${failed:-} ]] || { echo "fuzz: failed:$failed"; exit 1; }
  executions=$(for target in $targets; do cat "$found/$target.log"; done |
    awk '/number_of_executed_units/ {sum += $2} END {print sum}')
  echo "fuzz: $(wc -w <<<"$targets") targets, $executions executions, $((SECONDS - began)) seconds, nothing found"
  ;;
esac
