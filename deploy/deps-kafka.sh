#!/usr/bin/env bash
# Puts noida-db into out/noida: a program from PyPI that speaks Kafka and checks what producers number, which
# librdkafka's mock brokers don't. Debian has no broker. Tests that want it are left out where it isn't.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.2.3
folder=out/noida
program=$folder/noida_db/noida-db

if [[ ! -x $program ]]; then
  /usr/bin/python3 -m venv "$folder/pip"
  "$folder/pip/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$folder" \
    "noida-db==$version"
  rm -rf "$folder/pip"
  chmod +x "$program"
fi
# It is linked with a newer C library than Debian's, and says so each time.
echo "deps-kafka: noida-db $("$program" version 2>/dev/null | grep -oE '[0-9]+\.[0-9.]+')"
