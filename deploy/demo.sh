#!/usr/bin/env bash
# What `make demo` shows: several clients hand in the lines of a file at once, faster than the journal
# is allowed to take them. Their windows shut, the buffer stays within its bound, and in the end every
# line is in the journal and every client has a receipt for each of its lines. Exits with 0 only if the
# numbers say so. Everything lives in a temporary directory that goes with the run.
set -euo pipefail
cd "$(dirname "$0")/.."

bin=${BIN:-.build/release}
lines=${LINES_IN_ALL:-60000}
clients=4
rate=10000    # messages a second that the journal may take
bound=2000    # messages that forebayd may hold
window=400    # messages that a client may have unacknowledged

work=$(mktemp -d)
daemon=
senders=()
cleanup() {
  for pid in "${senders[@]:-}" $daemon; do
    if [[ -n $pid ]]; then kill "$pid" 2>/dev/null || :; fi
  done
  wait
  rm -rf "$work"
}
trap cleanup EXIT

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' off=$'\e[0m'
else bold='' dim='' green='' red='' off=''; fi

socket=$work/client.sock
admin=$work/admin/admin.sock
journal=$work/journal.db

state() { "$bin/forebayctl" -s "$admin" show state 2>/dev/null; }
# field KEY STATE: the number that `show state` gives for the first route's key.
field() { awk -F': ' -v key="routes[0].$1" '$1 == key { print $2 }' <<<"$2"; }

seq -f "line %.0f of a file that arrives faster than it can be stored" "$lines" >"$work/input"
split --number=l/$clients --numeric-suffixes=1 --suffix-length=1 "$work/input" "$work/part."

printf '%sforebayd%s holds at most %d messages and gives its journal at most %d a second.\n' \
  "$bold" "$off" $bound $rate
printf '%d clients send %d lines as fast as they may, each with a window of at most %d.\n\n' \
  $clients "$lines" $window

"$bin/forebayd" --socket "$socket" --admin-socket "$admin" --upstream "journal:$journal" \
  --buffer-messages $bound --window-messages $window --rate $rate 2>"$work/log" &
daemon=$!
until "$bin/forebayctl" -s "$admin" ready >/dev/null 2>&1; do
  kill -0 $daemon 2>/dev/null || { cat "$work/log" >&2; exit 1; }
  sleep 0.05
done

started=$EPOCHREALTIME
for ((i = 1; i <= clients; i++)); do
  "$bin/forebayctl" send --socket "$socket" --output json "$work/part.$i" >"$work/summary.$i" 2>"$work/errors.$i" &
  senders+=($!)
done

elapsed() { awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

# bar HELD: how full the buffer is.
bar() {
  local filled=$(($1 * 30 / bound)) text=
  for ((i = 0; i < 30; i++)); do if ((i < filled)); then text+='█'; else text+='·'; fi; done
  printf '%s' "$text"
}

printf '%s%6s  %-30s  %13s  %9s  %12s%s\n' "$dim" time buffer held/bound delivered 'windows shut' "$off"
shut_before=0
while :; do
  running=0
  for pid in "${senders[@]}"; do if kill -0 "$pid" 2>/dev/null; then running=$((running + 1)); fi; done
  now=$(state)
  held=$(field held.messages "$now")
  shut=$(field totals.windows_shut "$now")
  printf '%5ss  %s  %6d/%6d  %9d  %12s\n' "$(elapsed)" "$(bar "$held")" "$held" $bound \
    "$(field totals.delivered "$now")" "+$((shut - shut_before))"
  shut_before=$shut
  if ((running == 0)); then break; fi
  sleep 0.5
done

failed=0
for pid in "${senders[@]}"; do wait "$pid" || failed=$((failed + 1)); done
senders=()
seconds=$(elapsed)
last=$(state)
kill -TERM $daemon
wait $daemon || failed=$((failed + 1))
daemon=

# json KEY FILE: a number from a sender's summary.
json() { grep -o "\"$1\":[0-9]*" "$2" | head -n 1 | cut -d: -f2; }

receipts=0
for ((i = 1; i <= clients; i++)); do
  sent=$(wc -l <"$work/part.$i")
  got=$(json delivered "$work/summary.$i")
  if ((got != sent)); then failed=$((failed + 1)); fi
  receipts=$((receipts + got))
done

"$bin/forebayctl" journal cat "$journal" | LC_ALL=C sort >"$work/stored"
LC_ALL=C sort "$work/input" >"$work/expected"
stored=$(wc -l <"$work/stored")
missing=$(LC_ALL=C comm -23 "$work/expected" "$work/stored" | wc -l)
extra=$(LC_ALL=C comm -13 "$work/expected" "$work/stored" | wc -l)
peak=$(field held_peak.messages "$last")
received=$(field totals.received "$last")
delivered=$(field totals.delivered "$last")

# row NAME VALUE CONDITION: a line of the summary, marked by whether it holds.
row() {
  local mark="${green}ok${off}"
  if (($3)); then :; else
    mark="${red}WRONG${off}"
    failed=$((failed + 1))
  fi
  printf '  %-34s %9s   %s\n' "$1" "$2" "$mark"
}

printf '\n%safter %s s%s\n' "$bold" "$seconds" "$off"
row 'lines in the file' "$lines" 1
row 'accepted by forebayd' "$received" "received == lines"
row 'delivered, says forebayd' "$delivered" "delivered == lines"
row 'delivered, say the clients' "$receipts" "receipts == lines"
row 'in the journal' "$stored" "stored == lines"
row 'lines missing from the journal' "$missing" "missing == 0"
row 'lines there that nobody sent' "$extra" "extra == 0"
row "most held at once (bound $bound)" "$peak" "peak > 0 && peak <= bound"
row 'windows shut to slow the clients' "$shut_before" "shut_before > 0"

if ((failed > 0)); then
  printf '\n%sThe numbers disagree.%s The daemon said:\n' "$red" "$off"
  cat "$work/log" "$work"/errors.* >&2
  exit 1
fi
printf '\n%sThe clients waited, nothing overflowed, nothing was lost.%s\n' "$green" "$off"
