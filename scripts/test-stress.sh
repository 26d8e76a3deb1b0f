#!/usr/bin/env bash
# Runs the stress tests: repeated races and faults under load. ROUNDS is the number of rounds (200 by default). Set
# RELAY=without_redis to run without Redis. To replay a batch, set BANTER_TEST_SEED and ROUNDS to the values that the
# batch printed. Arguments select modules of `tests/it/stress`: `scripts/test-stress.sh kill freeze`. Prints counters
# and every seed.
set -uo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
export BANTER_BIN_DIR="${BANTER_BIN_DIR:-$CARGO_TARGET_DIR/debug}"
export ROUNDS="${ROUNDS:-200}" RUST_TEST_THREADS="${RUST_TEST_THREADS:-4}"

if [ "$BANTER_BIN_DIR" = "$CARGO_TARGET_DIR/debug" ]; then
  cargo build --workspace --locked || exit 1
fi
names=("$@")
if [ ${#names[@]} -eq 0 ]; then names=(""); fi
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
cargo test --package banter-tests --locked --quiet --test it -- --nocapture "${names[@]/#/stress::}" 2>&1 |
  tee "$log" | grep --line-buffered 'BANTER_TEST_SEED='
code=${PIPESTATUS[0]}
if [ "$code" -ne 0 ]; then cat "$log"; fi
printf '\nROUNDS=%s RELAY=%s\n' "$ROUNDS" "${RELAY:-with_redis}"
grep -hoE 'stress: .*|SKIPPED: .*' "$log" | grep -v 'BANTER_TEST_SEED=' | sed 's/^stress: //' | sort
grep -E '^test result' "$log"
exit "$code"
