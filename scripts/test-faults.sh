#!/usr/bin/env bash
# Throws random faults at an installation at work, round after round, with and without Redis in turn; every round has
# a seed of its own. ROUNDS says how many (10 take about ten minutes). A round is sized by CLIENTS, OPS,
# SECONDS_LIMIT, APIS and WORKERS; SEED replays one (with ROUNDS=1, and RELAY=with_redis or without_redis).
set -uo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
export BANTER_BIN_DIR="${BANTER_BIN_DIR:-$CARGO_TARGET_DIR/debug}"
export CLIENTS="${CLIENTS:-8}" OPS="${OPS:-100000}" SECONDS_LIMIT="${SECONDS_LIMIT:-45}" APIS="${APIS:-3}" WORKERS="${WORKERS:-3}"
rounds="${ROUNDS:-10}"
seed="${SEED:-$RANDOM$RANDOM}"

if [ "$BANTER_BIN_DIR" = "$CARGO_TARGET_DIR/debug" ]; then
  cargo build --workspace --locked || exit 1
fi
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
failed=()
for ((round = 0; round < rounds; round++)); do
  export SEED=$((seed + round))
  relay=with_redis
  if ((round % 2)); then relay=without_redis; fi
  relay="${RELAY:-$relay}"
  printf '\n== round %d of %d: SEED=%s %s\n' $((round + 1)) "$rounds" "$SEED" "$relay"
  if cargo test --workspace --locked --quiet --test checker -- --nocapture "$relay" >"$log" 2>&1; then
    grep -E '^(SEED=|  +[0-9]+ )' "$log"
  else
    cat "$log"
    failed+=("SEED=$SEED RELAY=$relay")
  fi
done
printf '\n%d of %d rounds found nothing amiss.\n' $((rounds - ${#failed[@]})) "$rounds"
for round in "${failed[@]}"; do printf 'broken: %s\n' "$round"; done
[ ${#failed[@]} -eq 0 ]
