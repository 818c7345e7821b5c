#!/usr/bin/env bash
# Writes what is made from the settings table: the sample, its schema, and the tables in OPERATIONS.md.
#
#   deploy/settings.sh PATH-OF-FOREBAYD
set -euo pipefail

forebayd=$(realpath "$1")
cd "$(dirname "$0")/.."

"$forebayd" --print sample >deploy/forebay.yaml
"$forebayd" --print schema >deploy/forebay.schema.json

tables=$(mktemp)
trap 'rm -f "$tables"' EXIT
"$forebayd" --print manual >"$tables"
# What stands between the two markers, with an empty line at both ends.
awk -v tables="$tables" '
  /^<!-- settings: up to here -->$/ { inside = 0 }
  !inside { print }
  /^<!-- settings: from here on / {
    inside = 1
    print ""
    while ((getline line <tables) > 0) print line
    print ""
  }' OPERATIONS.md >"$tables.new"
cat "$tables.new" >OPERATIONS.md
rm -f "$tables.new"
