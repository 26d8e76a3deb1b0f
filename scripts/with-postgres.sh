#!/usr/bin/env bash
# Runs a command with a temporary PostgreSQL server: `scripts/with-postgres.sh COMMAND ARGUMENTS…`. The server has its own
# folder and a free port, and stops when the command ends. The command finds its URL in TEST_POSTGRES_URL.
set -euo pipefail

programs=$(dirname "$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1 || command -v initdb)")
folder=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' 2>/dev/null ||
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')

# PostgreSQL does not run as root.
as_owner() {
  if [ "$(id -u)" = 0 ]; then (cd "$folder" && runuser -u postgres -- "$@"); else "$@"; fi
}
if [ "$(id -u)" = 0 ]; then chown postgres "$folder"; fi

stop() {
  as_owner "$programs/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$folder"
}
trap stop EXIT

as_owner "$programs/initdb" -D "$folder/data" -U banter -A trust -E UTF8 --locale=C.UTF-8 >"$folder/initdb.log" 2>&1 ||
  { cat "$folder/initdb.log" >&2; exit 1; }
# The tests use hundreds of small databases, whose data need not survive.
as_owner "$programs/pg_ctl" -D "$folder/data" -l "$folder/server.log" -w start >/dev/null \
  -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='$folder' -c fsync=off -c max_connections=500" ||
  { cat "$folder/server.log" >&2; exit 1; }

TEST_POSTGRES_URL="postgres://banter@127.0.0.1:$port/postgres" "$@"
