#!/usr/bin/env bash
# Runs the checks other than tests that must pass before a change is merged: formatting, lints, docs, layers, import
# cycles, spelling, generated files, licenses, known vulnerabilities, and unused dependencies.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$1"; }

tool() { # tool <cargo sub-command> <crate> <version>
  cargo "$1" --version >/dev/null 2>&1 || { step "install $2"; cargo install --locked --quiet "$2@$3"; }
}

step "page"
scripts/npm-ci.sh
npm --prefix dashboard run gate

step "formatting"
cargo fmt --all -- --check

step "lints"
cargo clippy --workspace --all-targets --locked -- -D warnings

step "docs"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

step "layers"
scripts/check-layers.sh
scripts/check-cycles.mjs

step "spelling"
npx --yes cspell@9.8.0 lint --no-progress

step "licenses and sources"
tool deny cargo-deny "^0.18"
cargo deny --locked check bans licenses sources

step "advisories"
report="$(mktemp)"
trap 'rm -f "$report"' EXIT
if cargo deny --locked fetch db >"$report" 2>&1; then
  cargo deny --locked check --disable-fetch advisories
else
  echo "SKIPPED for Rust: the advisory database cannot be fetched: $(grep -m 1 -i error "$report" || tail -n 1 "$report")"
fi
# If npm prints no report, the registry has no audit endpoint or cannot be reached.
if npm --prefix dashboard audit --omit=dev --json >"$report" 2>/dev/null; then
  echo "npm: no known vulnerabilities"
elif grep -q '"auditReportVersion"' "$report"; then
  npm --prefix dashboard audit --omit=dev
else
  echo "SKIPPED for npm: the registry returned no report: $(grep -m 1 -E '"(message|summary|code)"' "$report" | xargs || true)"
fi

step "unused dependencies"
tool machete cargo-machete "^0.9"
cargo machete

printf '\nAll checks passed.\n'
