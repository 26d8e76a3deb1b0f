#!/usr/bin/env bash
# Measures a LangGraph development server, which keeps its state in memory. LangGraph is downloaded from PyPI on first
# use.
set -euo pipefail
cd "$(dirname "$0")"
source ../lib.sh

need python3
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is missing"; exit 77; }
folder="$CACHE/langgraph"
mkdir -p "$folder"
if [ ! -x "$folder/venv/bin/langgraph" ]; then
  python3 -m venv "$folder/venv" || { echo "Python's venv module is missing"; exit 77; }
  "$folder/venv/bin/pip" install --quiet 'langgraph-cli[inmem]~=0.4' 'httpx~=0.28' >&2
fi
cp bench.py graph.py langgraph.json "$folder/"
cd "$folder"
export LANGSMITH_TRACING=false LANGGRAPH_CLI_NO_ANALYTICS=1 NO_COLOR=1
server=
trap 'stop' EXIT

measure() { # measure [note]: starts a server, measures it, and stops it
  rm -rf .langgraph_api
  local port
  port=$(free_port)
  on_product_cpu venv/bin/langgraph dev --no-browser --no-reload --host 127.0.0.1 --port "$port" \
    --n-jobs-per-worker 16 --server-log-level WARNING >server.log 2>&1 &
  server=$!
  wait_for_port "$port"
  on_load_cpu venv/bin/python bench.py "127.0.0.1:$port" "$@"
  stop
}

stop() {
  if [ -n "$server" ]; then kill "$server" && wait "$server" 2>/dev/null || true; fi
  server=
}

measure
POLL_SECONDS=0.002 measure "2 ms poll"
