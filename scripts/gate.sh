#!/usr/bin/env bash
# What must hold before a change is merged, beside the tests: format, lints, docs, generated files, licences, and no
# dependency that nothing uses.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$1"; }

tool() { # tool <cargo sub-command> <crate> <version>
  cargo "$1" --version >/dev/null 2>&1 || { step "install $2"; cargo install --locked --quiet "$2@$3"; }
}

step "page"
scripts/npm-ci.sh
npm --prefix dashboard run gate

step "format"
cargo fmt --all -- --check

step "lints"
cargo clippy --workspace --all-targets --locked -- -D warnings

step "docs"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

step "layers"
scripts/check-layers.sh

step "licences and sources"
tool deny cargo-deny "^0.18"
cargo deny --locked check bans licenses sources

step "unused dependencies"
tool machete cargo-machete "^0.9"
cargo machete

printf '\nThe gate is open.\n'
