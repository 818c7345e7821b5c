#!/usr/bin/env bash
# Runs make verbs on a clone of this repository in a fresh Debian 12 that has the Swift toolchain of
# this machine, git and make, and nothing else. Shows that `make deps` lists everything.
#
#   sudo deploy/check-clean-machine.sh [--mirror URL] [--bind PATH]… [--keep] [VERB…]
#
# VERB defaults to: demo test. --bind shows a folder of this machine inside, read-only, at the same
# place. git's `url.….insteadOf` rewrites are taken over, and local folders they lead to are bound.
# --keep leaves the file system for a look. Needs root, debootstrap and about 6 GB in TMPDIR.
set -euo pipefail

mirror=http://deb.debian.org/debian
security=http://deb.debian.org/debian-security
keep=
binds=()
while (($#)); do
  case $1 in
    --mirror) mirror=$2; shift 2 ;;
    --bind) binds+=("$2"); shift 2 ;;
    --keep) keep=yes; shift ;;
    -*) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 64 ;;
    *) break ;;
  esac
done
verbs=("$@")
((${#verbs[@]})) || verbs=(demo test)

if ((EUID != 0)); then
  echo "check-clean-machine: needs root, for debootstrap and chroot" >&2
  exit 77
fi
for tool in debootstrap swift git unshare; do
  if ! command -v "$tool" >/dev/null; then
    echo "check-clean-machine: $tool is missing" >&2
    exit 69
  fi
done

repository=$(cd "$(dirname "$0")/.." && pwd)
toolchain=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")
binds+=("$toolchain")

root=$(mktemp -d -t forebay-clean-XXXXXX)
chmod 755 "$root" # Tests act as other users inside.
if [[ $keep ]]; then
  echo "check-clean-machine: keeping $root"
else
  trap 'rm -rf --one-file-system "$root"' EXIT
fi

began=$SECONDS
say() { printf '\n== clean machine: %s (at %d s)\n' "$*" $((SECONDS - began)); }

say "debootstrap"
debootstrap --variant=minbase bookworm "$root" "$mirror" >"$root.log" 2>&1 || {
  tail -n 20 "$root.log" >&2
  rm -f "$root.log"
  exit 1
}
rm -f "$root.log"
cat >"$root/etc/apt/sources.list" <<SOURCES
deb $mirror bookworm main
deb $mirror bookworm-updates main
deb $security bookworm-security main
SOURCES
cp /etc/resolv.conf /etc/hosts "$root/etc/"

# Where git fetches from is a property of the machine, not of the project.
while read -r key value; do
  git config --file "$root/etc/gitconfig" --add "$key" "$value"
  place=${key#url.}
  place=${place%.insteadof}
  [[ $place == /* && -d $place ]] && binds+=("${place%/}")
done < <(git config --get-regexp '^url\..*\.insteadof$' || true)

say "clone of $(git -C "$repository" log -1 --format='%h %s')"
git clone --quiet --no-hardlinks "$repository" "$root/srv/forebay"

cat >"$root/srv/inside" <<'INSIDE'
#!/bin/bash
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet=2
apt-get install --quiet=2 --yes --no-install-recommends git make >/dev/null
cd /srv/forebay
for verb in "$@"; do
  began=$SECONDS
  make "$verb" </dev/null
  printf '== make %s: passed, %d s\n' "$verb" $((SECONDS - began))
done
INSIDE
chmod +x "$root/srv/inside"

# A mount and a process namespace of its own: nothing mounted or started inside outlives this call.
say "make ${verbs[*]}"
# shellcheck disable=SC2016  # The inner shell expands these.
unshare --mount --pid --fork --kill-child bash -euc '
  root=$1 path=$2 count=$3
  shift 3
  for bind in "${@:1:count}"; do
    mkdir -p "$root$bind"
    mount --bind -o ro "$bind" "$root$bind"
  done
  shift "$count"
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  exec chroot "$root" env -i PATH="$path" HOME=/root LANG=C.UTF-8 \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
    /srv/inside "$@"
' inside "$root" "$toolchain/bin:/usr/sbin:/usr/bin:/sbin:/bin" "${#binds[@]}" "${binds[@]}" \
  "${verbs[@]}"
say "passed: make ${verbs[*]}"
