#!/usr/bin/env bash
# Installs the Debian packages of apt-packages.txt that are missing, and checks for Swift.
# Without root it prints what to run, and fails.
set -euo pipefail

# The oldest Swift whose language mode and manifest Package.swift uses.
swift_min=6.2

cd "$(dirname "$0")"

missing=()
while read -r package _; do
  [[ -z $package || $package == "#"* ]] && continue
  status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done <apt-packages.txt

if ((${#missing[@]})); then
  if ! command -v apt-get >/dev/null; then
    echo "deps: no apt-get here. Forebay is built on Debian 12; what it needs: deploy/apt-packages.txt" >&2
    exit 1
  fi
  install="apt-get install --yes --no-install-recommends ${missing[*]}"
  if ((EUID != 0)); then
    echo "deps: packages are missing. Run this, then make again:" >&2
    echo "  sudo apt-get update && sudo $install" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update --quiet
  $install --quiet
fi

if ! command -v swift >/dev/null; then
  echo "deps: no swift in PATH. Install Swift $swift_min or newer (https://www.swift.org/install/linux/)" >&2
  echo "  and put its usr/bin into PATH." >&2
  exit 1
fi
if ! version=$(swift --version 2>&1); then
  echo "deps: swift is in PATH but doesn't run:" >&2
  echo "$version" >&2
  exit 1
fi
found=$(grep -oE 'Swift version [0-9.]+' <<<"$version" | grep -oE '[0-9.]+' || echo 0)
if [[ $(printf '%s\n' "$swift_min" "$found" | sort --version-sort | head -n 1) != "$swift_min" ]]; then
  echo "deps: Swift $found is too old: $swift_min or newer is needed" >&2
  exit 1
fi
echo "deps: ${#missing[@]} packages installed now, the others were there; Swift $found"
