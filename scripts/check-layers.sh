#!/usr/bin/env bash
# Checks the dependency rules of docs/architecture.md that the compiler does not enforce.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "layers: $1" >&2
  exit 1
}

tree=$(cargo tree --locked --package banter-shared --edges normal --prefix none)
if grep -qE '^axum ' <<<"$tree"; then fail "shared depends on the HTTP server"; fi
if grep -rlE '\b(http|hyper|reqwest)::' shared/src; then fail "shared contains code for HTTP"; fi
if grep -rlE 'sqlx::query' --include='*.rs' api worker shared/src | grep -vE '^shared/src/(store|relay)/'; then
  fail "SQL outside the store"
fi
if grep -rlE 'use crate::(relay|store)|use sqlx|use axum' shared/src/chat shared/src/event; then
  fail "chat or event depends on the store or the relay"
fi
if grep -rlE 'relay::' shared/src/store || grep -rlE 'store::' shared/src/relay; then
  fail "the store and the relay depend on each other"
fi
if grep -nE 'banter[-_](api|worker)' api/Cargo.toml worker/Cargo.toml shared/Cargo.toml | grep -vE 'name = '; then
  fail "api and worker depend on each other"
fi
echo "layers: ok"
