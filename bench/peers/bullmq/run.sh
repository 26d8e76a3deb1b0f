#!/usr/bin/env bash
# Measures BullMQ on its own Redis server, which syncs every write. BullMQ is downloaded from npm on first use.
set -euo pipefail
cd "$(dirname "$0")"
source ../lib.sh

need node npm redis-server
modules="$CACHE/bullmq"
mkdir -p "$modules"
cp package.json bench.mjs "$modules/"
[ -d "$modules/node_modules/bullmq" ] || npm --prefix "$modules" install --silent --no-audit --no-fund >&2

data=$(mktemp -d)
port=$(free_port)
on_product_cpu redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly yes --appendfsync always \
  --maxmemory-policy noeviction --dir "$data" >/dev/null &
redis=$!
trap 'kill "$redis"; wait "$redis" 2>/dev/null || true; rm -rf "$data"' EXIT
wait_for_port "$port"
on_load_cpu node "$modules/bench.mjs" "$port"
