#!/usr/bin/env bash
# Builds the binaries and the dashboard, and runs all tests, with a short chaos test. What depends on the database most
# runs on both databases. If tests fail, the remaining ones still run. Third-party agents are tested by
# scripts/test-agents.sh, and longer chaos by scripts/test-chaos.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"

failed=()

step() { printf '\n== %s\n' "$1"; }

run_tests() { # run_tests <name> <command>...
  step "$1"
  "${@:2}" || failed+=("$1")
}

step "page: packages, build"
scripts/npm-ci.sh
npm --prefix dashboard run build

run_tests "page: unit tests" npm --prefix dashboard run test

step "build"
cargo build --workspace --locked
export BANTER_BIN_DIR="$CARGO_TARGET_DIR/debug" RUST_TEST_THREADS="${RUST_TEST_THREADS:-4}"

run_tests "browser tests" npm --prefix dashboard run e2e
run_tests "Rust tests" cargo test --workspace --locked --lib --bins --test it
run_tests "store tests on PostgreSQL" scripts/with-postgres.sh cargo test -p banter-shared --locked --lib store::tests
run_tests "black-box tests on PostgreSQL" \
  scripts/with-postgres.sh cargo test --workspace --locked --test it -- attachments:: exports:: faults:: messages:: sessions:: streams:: tasks::
export SEED=1 CLIENTS=8 SECONDS_LIMIT=15
run_tests "chaos test for 15 seconds, with a fixed seed" cargo test --workspace --locked --test chaos
run_tests "chaos test on PostgreSQL" scripts/with-postgres.sh cargo test --workspace --locked --test chaos

if [ "${#failed[@]}" -gt 0 ]; then
  printf 'FAILED: %s\n' "${failed[@]}" >&2
  exit 1
fi
