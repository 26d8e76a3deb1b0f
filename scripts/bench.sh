#!/usr/bin/env bash
# Builds the release binaries and runs one benchmark: `scripts/bench.sh soak --minutes 60`. `--help` lists the
# benchmarks. Set BANTER_BIN_DIR to measure the binaries in another folder.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"

# Create the installations on the same disk as the build folder, because /tmp may be in memory.
export TMPDIR="$CARGO_TARGET_DIR/tmp"
mkdir -p "$TMPDIR"

# Every stream uses an open file, both in the benchmark and in the api.
ulimit -S -n "$(ulimit -H -n)"

if [ -z "${BANTER_BIN_DIR:-}" ]; then
  cargo build --release --locked
  export BANTER_BIN_DIR="$CARGO_TARGET_DIR/release"
fi
cargo build --release --locked --package banter-bench
exec "$CARGO_TARGET_DIR/release/bench" "$@"
