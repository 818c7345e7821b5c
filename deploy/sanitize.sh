#!/usr/bin/env bash
# Tests under a sanitizer: see `make asan`, `make tsan` and docs/fuzzing.md.
#
#   deploy/sanitize.sh address   C helpers and shims with UBSan, too; the unit tests
#   deploy/sanitize.sh thread    what has threads: store, sockets, clients, and the daemon's tests
set -euo pipefail
cd "$(dirname "$0")/.."

kind=$1
scratch=.build-$kind
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
# Programs that tests start are watched as well: what is found in them is in files of its own.
export SWIFT_BACKTRACE=enable=no
export TSAN_OPTIONS=log_path=$reports/report,halt_on_error=0
export ASAN_OPTIONS=log_path=$reports/report,detect_leaks=0
export UBSAN_OPTIONS=print_stacktrace=1,halt_on_error=1

check_c() {
  local flags=(-O1 -g -Wall -Wextra -Werror -fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all)
  mkdir -p out/asan
  cc "${flags[@]}" -o out/asan/shims Tests/ShimCheck/shims.c
  out/asan/shims
  cc "${flags[@]}" -o out/asan/relay Sources/forebay-bench/relay/relay.c
  Tests/ShimCheck/relay.py out/asan/relay
}

case $kind in
address)
  check_c
  wanted='Forebay(Wire|Core|UV|Store|Config|Client)Tests'
  ;;
thread)
  wanted='Forebay(UV|Store|Client|Daemon)Tests'
  ;;
esac

swift build --build-tests --sanitize "$kind" --scratch-path "$scratch" --quiet
status=0
swift test --skip-build --disable-xctest --sanitize "$kind" --scratch-path "$scratch" \
  --filter "${FILTER:-$wanted}" || status=$?
if [[ -n $(ls "$reports") ]]; then
  head -n 60 "$reports"/*
  echo "sanitize: $(find "$reports" -type f | wc -l) processes have reports"
  exit 1
fi
exit "$status"
