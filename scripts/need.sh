#!/usr/bin/env bash
# Ensures that programs are installed: `scripts/need.sh cargo node chromium`. As root on Debian, installs missing
# programs other than Rust and Node. Otherwise, prints what to install and fails.
set -euo pipefail

fail() {
  echo "banter: $1" >&2
  exit 1
}

install() { # install <program> <Debian package>
  command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || fail "$1 is missing: install the package $2 (Debian: apt-get install $2)"
  echo "banter: installing $2"
  log=$(mktemp)
  { apt-get update && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$2"; } >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; fail "cannot install $2"; }
  rm -f "$log"
}

version_at_least() { # version_at_least <found> <wanted>
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

for program in "$@"; do
  case "$program" in
    cargo)
      command -v cargo >/dev/null || fail "cargo is missing: install Rust from https://rustup.rs"
      command -v cc >/dev/null || install cc gcc
      # Debian's compiler only recommends the package with the C library's headers.
      echo '#include <stdio.h>' | cc -E - >/dev/null 2>&1 || install stdio.h libc6-dev
      wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
      found=$(rustc --version | cut -d ' ' -f 2)
      version_at_least "$found" "$wanted" || fail "Rust $wanted or newer is required, found $found: run rustup update"
      ;;
    node)
      command -v npm >/dev/null || fail "Node 20.19 or newer with npm is missing: see https://nodejs.org"
      found=$(node --version | tr -d v)
      version_at_least "$found" 20.19.0 || fail "Node 20.19 or newer is required, found $found"
      ;;
    chromium)
      [ -x "${CHROMIUM:-/usr/bin/chromium}" ] || install chromium chromium
      ;;
    redis-server)
      # Debian may start a server when it installs the package. The tests start their own servers on other ports.
      command -v redis-server >/dev/null || install redis-server redis-server
      ;;
    postgresql)
      # The programs are in a folder of their own. Debian starts a server when it installs the package; the tests start
      # their own on another port.
      compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || install postgresql postgresql
      ;;
    pgbouncer)
      # Debian may start it when it installs the package. The tests start their own on other ports.
      command -v pgbouncer >/dev/null || install pgbouncer pgbouncer
      ;;
    openssl)
      command -v openssl >/dev/null || install openssl openssl
      ;;
    libfaketime)
      # This is a library, not a program.
      compgen -G "/usr/lib*/faketime/libfaketimeMT.so.1" >/dev/null ||
        compgen -G "/usr/lib/*/faketime/libfaketimeMT.so.1" >/dev/null || install libfaketime libfaketime
      ;;
    python3-venv)
      # Without this package, Debian's Python cannot create environments.
      python3 -c 'import ensurepip' 2>/dev/null || install python3 python3-venv
      ;;
    systemd-analyze)
      command -v systemd-analyze >/dev/null || install systemd-analyze systemd
      ;;
    *) fail "scripts/need.sh: unknown program $program" ;;
  esac
done
