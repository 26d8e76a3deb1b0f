#!/usr/bin/env bash
# Runs one api and one worker until Ctrl-C or until one of them exits: `scripts/run.sh <folder of the binaries>`.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$1

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
echo "banter: a process exited with code $code; stopping the others" >&2
exit "$code"
