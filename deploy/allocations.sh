#!/usr/bin/env bash
# Counts what the forward path allocates: forebayd under a malloc counter passes N messages on and
# then 2 N. In steady state both cost the same: what a load's connections take.
#
#     [MESSAGES=1000000] [LIMIT=100] deploy/allocations.sh [load options, such as --size 0..max]
set -euo pipefail
cd "$(dirname "$0")/.."

BENCH=.build/release/forebay-bench
MESSAGES=${MESSAGES:-1000000}
LIMIT=${LIMIT:-100}
folder=$(mktemp -d)
children=()

clean_up() {
  for child in "${children[@]}"; do kill "$child" 2> /dev/null || true; done
  for child in "${children[@]}"; do wait "$child" 2> /dev/null || true; done
  rm -rf "$folder"
}
trap clean_up EXIT

wait_for_socket() {
  for _ in $(seq 500); do
    if [[ -S $1 ]]; then return; fi
    sleep 0.02
  done
  echo "no socket at $1 after 10 s" >&2
  exit 1
}

"$BENCH" sink "$folder/sink.sock" > /dev/null &
children+=($!)
wait_for_socket "$folder/sink.sock"
LD_PRELOAD=$PWD/out/malloc-counter.so MALLOC_COUNTER_FILE=$folder/counts \
  .build/release/forebayd --socket "$folder/client.sock" --admin-socket "$folder/admin.sock" \
  --upstream "forebay+unix:$folder/sink.sock" --buffer-messages 65536 --buffer-bytes 256MiB \
  --window-messages 4096 --log-level error &
daemon=$!
children=("$daemon" "${children[@]}")
wait_for_socket "$folder/client.sock"

# Sends some messages and then says how often memory was allocated since the daemon started.
pass_on() {
  "$BENCH" load "$folder/client.sock" --count "$1" "${@:2}" > /dev/null 2> "$folder/summary" ||
    { cat "$folder/summary" >&2 && exit 1; }
  sleep 0.5
  local lines
  lines=$(wc -l < "$folder/counts")
  kill -USR1 "$daemon"
  while [[ $(wc -l < "$folder/counts") == "$lines" ]]; do sleep 0.02; done
  tail -n 1 "$folder/counts" |
    sed -E 's/.*"malloc":([0-9]+),"calloc":([0-9]+),"realloc":([0-9]+),"aligned":([0-9]+).*/\1+\2+\3+\4/' |
    { read -r sum && echo $((sum)); }
}

# Pools and tables grow first.
warm=$(pass_on "$MESSAGES" "$@")
warm=$(pass_on "$MESSAGES" "$@")
once=$(pass_on "$MESSAGES" "$@")
twice=$(pass_on $((2 * MESSAGES)) "$@")
difference=$(((twice - once) - (once - warm)))
printf '{"messages":%d,"allocations":%d,"allocationsOfTwice":%d,"difference":%d,"limit":"%s"}\n' \
  "$MESSAGES" $((once - warm)) $((twice - once)) "$difference" "$LIMIT"
if [[ $LIMIT != none ]] && ((difference > LIMIT)); then
  echo "the forward path allocates: $difference more for $MESSAGES more messages" >&2
  exit 1
fi
