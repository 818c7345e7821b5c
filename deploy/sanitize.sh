#!/usr/bin/env bash
# Tests under a sanitizer: see `make asan`, `make tsan` and docs/fuzzing.md.
#
#   deploy/sanitize.sh address   C helpers and shims with UBSan, too; the unit tests
#   deploy/sanitize.sh thread    the daemon; its tests run with it
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
  cc "${flags[@]}" -o out/asan/shims Tests/ShimCheck/shims.c || return
  out/asan/shims || return
  cc "${flags[@]}" -o out/asan/relay Sources/forebay-bench/relay/relay.c || return
  Tests/ShimCheck/relay.py out/asan/relay
}

# `|| return`, because bash forgets `set -e` where a status is asked for.
#
# The core, the simulator and the corpora run under ASan in `make fuzz`, optimized; here they would take for ever.
check_address() {
  check_c || return
  export MEMORY_ONLY=1
  swift build --build-tests --sanitize address --scratch-path "$scratch" 2>&1 |
    grep -v 'Cannot export local symbol' || return
  swift test --skip-build --disable-xctest --sanitize address --scratch-path "$scratch" \
    ${FILTER:+--filter "$FILTER"} --skip FuzzCorpusTests
}

# Only the daemon is built anew. The tests look for it beside themselves, so there they are put, with the other
# programs. A bound for memory says nothing here: TSan has more of it than the daemon.
check_thread() {
  swift build --build-tests || return
  swift build --sanitize thread --scratch-path "$scratch" --product forebayd || return
  cp .build/debug/{forebayPackageTests.xctest,forebayctl,forebay-bench} "$scratch/debug/" || return
  "$scratch/debug/forebayPackageTests.xctest" --testing-library swift-testing \
    --filter "${FILTER:-ForebayDaemonTests.*(Journal|Reload|Drain|PeerLink|Kill|Admin)}" --skip MemoryTests
}

status=0
case $kind in
address) check_address || status=$? ;;
thread) check_thread || status=$? ;;
*) status=2 ;;
esac
if [[ -n $(ls "$reports") ]]; then
  head -n 60 "$reports"/*
  echo "sanitize: $(find "$reports" -type f | wc -l) processes have reports"
  exit 1
fi
((status == 0)) && echo "sanitize: $kind, nothing found"
exit "$status"
