#!/usr/bin/env bash
# Builds the binaries and the dashboard, and runs all tests, with a short chaos test. Third-party agents are tested by
# scripts/test-agents.sh, and longer chaos by scripts/test-chaos.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"

step() { printf '\n== %s\n' "$1"; }

step "page: packages, build"
scripts/npm-ci.sh
npm --prefix dashboard run build

step "page: unit tests"
npm --prefix dashboard run test

step "build"
cargo build --workspace --locked

step "browser tests"
BANTER_BIN_DIR="$CARGO_TARGET_DIR/debug" npm --prefix dashboard run e2e

step "Rust tests"
BANTER_BIN_DIR="$CARGO_TARGET_DIR/debug" RUST_TEST_THREADS="${RUST_TEST_THREADS:-4}" cargo test --workspace --locked --lib --bins --test it

step "store tests on PostgreSQL"
RUST_TEST_THREADS="${RUST_TEST_THREADS:-4}" scripts/with-postgres.sh cargo test -p banter-shared --locked --lib store::tests

step "chaos test for 15 seconds, with a fixed seed"
SEED=1 CLIENTS=8 SECONDS_LIMIT=15 BANTER_BIN_DIR="$CARGO_TARGET_DIR/debug" cargo test --workspace --locked --test chaos
