#!/usr/bin/env bash
# Runs one api and one worker until Ctrl-C or until one of them exits: `scripts/run.sh <folder of the binaries>`.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$1

# Logs a warning in the same format as the api and the worker. The message must not contain characters that must be
# escaped in JSON.
warn() {
  local format=${LOG_FORMAT:-$(sed -n 's/^LOG_FORMAT=//p' .env 2>/dev/null | tail -n 1)}
  if [ "$format" = json ]; then
    printf '{"timestamp":"%s","level":"WARN","target":"banter","message":"%s"}\n' "$(date -u +%Y-%m-%dT%H:%M:%S.%6NZ)" "$1" >&2
  else
    echo "banter: $1" >&2
  fi
}

pids=()
finish() {
  trap - EXIT INT TERM
  kill -TERM "${pids[@]}" 2>/dev/null || true
  wait "${pids[@]}" 2>/dev/null || true
}
trap finish EXIT
trap 'finish; exit 0' INT TERM

"$bin/api" & pids+=($!)
"$bin/worker" & pids+=($!)
if [ -n "${DEV_PAGE:-}" ]; then
  npm --prefix dashboard run dev & pids+=($!)
fi

wait -n "${pids[@]}" && code=0 || code=$?
warn "a process exited with code $code; stopping the others"
exit "$code"
