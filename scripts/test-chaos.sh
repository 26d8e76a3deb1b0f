#!/usr/bin/env bash
# Runs the chaos test: random faults under load, checked against a model of the history. Every round has a different
# seed. Every other round runs without Redis. The rounds cycle through three profiles: races (four clients of one user,
# in one session, with short pauses between faults), many clients (50, with 400 operations each), and a mixture. ROUNDS
# is the number of rounds; the default of 5 takes about ten minutes.
#
# To replay a round, set ROUNDS=1, and set SEED, RELAY (with_redis or without_redis), and the sizes to the values that
# the round printed. The sizes are CLIENTS, USERS, SESSIONS, OPS, SECONDS_LIMIT, APIS, WORKERS, LEASE, and CALM_MS. A
# size that you set applies to every round.
set -uo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
export BANTER_BIN_DIR="${BANTER_BIN_DIR:-$CARGO_TARGET_DIR/debug}"
seed="${SEED:-$RANDOM$RANDOM}"
rounds="${ROUNDS:-5}"
forms=(
  "CLIENTS=4 USERS=1 SESSIONS=1 OPS=100000 SECONDS_LIMIT=45 CALM_MS=500"
  "CLIENTS=50 OPS=400 SECONDS_LIMIT=200 LEASE=6"
  "CLIENTS=12 USERS=3 SESSIONS=2 OPS=100000 SECONDS_LIMIT=45"
)

if [ "$BANTER_BIN_DIR" = "$CARGO_TARGET_DIR/debug" ]; then
  cargo build --workspace --locked || exit 1
fi
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
failed=()
for ((round = 0; round < rounds; round++)); do
  relay=with_redis
  if ((round % 2)); then relay=without_redis; fi
  relay="${RELAY:-$relay}"
  sizes="SEED=$((seed + round)) ${forms[round % ${#forms[@]}]}"
  for name in CLIENTS USERS SESSIONS OPS SECONDS_LIMIT APIS WORKERS LEASE CALM_MS; do
    if [ -n "${!name:-}" ]; then sizes+=" $name=${!name}"; fi
  done
  printf '\n== round %d of %d: RELAY=%s %s\n' $((round + 1)) "$rounds" "$relay" "$sizes"
  # shellcheck disable=SC2086 # a list of settings
  if env $sizes cargo test --workspace --locked --quiet --test chaos -- --nocapture "$relay" >"$log" 2>&1; then
    grep -E '^(SEED=|  +[0-9]+ )' "$log"
  else
    cat "$log"
    failed+=("ROUNDS=1 RELAY=$relay $sizes")
  fi
done
printf '\n%d of %d rounds passed.\n' $((rounds - ${#failed[@]})) "$rounds"
for round in "${failed[@]}"; do printf 'failed: %s make test-chaos\n' "$round"; done
[ ${#failed[@]} -eq 0 ]
