#!/usr/bin/env bash
# Tests third-party agents, one after another, with real api and worker processes. No accounts are needed, because each
# agent uses a model server on the loopback interface. The agents (2 GB) are downloaded once, with npm and pip, into
# AGENTS_DIR (target/agents by default).
#
# Arguments select agents: `scripts/test-agents.sh opencode codex`. An agent that cannot be installed is reported as
# SKIPPED, with the reason. This does not count as a failure. Set BANTER_BIN_DIR to use the binaries in another folder
# instead of the debug build.
set -uo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
export BANTER_BIN_DIR="${BANTER_BIN_DIR:-$CARGO_TARGET_DIR/debug}"
export AGENTS_DIR="${AGENTS_DIR:-$CARGO_TARGET_DIR/agents}"
mkdir -p "$AGENTS_DIR/tmp"
AGENTS_DIR="$(cd "$AGENTS_DIR" && pwd)"
log="$AGENTS_DIR/log"
all=(opencode gemini codex claude fast-agent)

packages() { # packages <agent>: prints the packages to install for the agent
  case "$1" in
    opencode) echo opencode-ai@1.18.33 ;;
    gemini) echo @google/gemini-cli@0.61.0 ;;
    codex) echo @agentclientprotocol/codex-acp@2.6.0 ;;
    claude) echo @agentclientprotocol/claude-agent-acp@0.101.0 node@22.23.3 ;;
    fast-agent) echo fast-agent-mcp==0.10.48 ;;
    *) return 1 ;;
  esac
}

with_npm() { # with_npm <folder> <package>...
  echo '{"private": true}' >"$1/package.json"
  npm install --prefix "$@" --save-exact --no-audit --no-fund --no-update-notifier --loglevel=error
}

with_pip() { # with_pip <folder> <package>...: installs into a virtual environment, with the first suitable Python
  local folder="$1" python
  shift
  for python in python3 python3.14 python3.13; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 13))' 2>/dev/null || continue
    "$python" -m venv "$folder" && "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"
    return
  done
  echo "error: Python 3.13 or newer is required"
  return 1
}

install_agent() { # install_agent <agent>: if the installation fails, prints the reason and returns 1
  local folder="$AGENTS_DIR/$1" wanted tool=npm
  wanted="$(packages "$1")"
  [ "$(cat "$folder/installed" 2>/dev/null)" = "$wanted" ] && return
  rm -rf "$folder" && mkdir -p "$folder"
  if [ "$1" = fast-agent ]; then tool=pip; fi
  # shellcheck disable=SC2086 # a list of packages
  if "with_$tool" "$folder" $wanted >"$log" 2>&1; then
    echo "$wanted" >"$folder/installed"
  else
    echo "$tool cannot install $wanted: $(grep -m 1 -i 'error' "$log" || tail -n 1 "$log")"
    return 1
  fi
}

model_pid=""
stop_model() {
  if [ -n "$model_pid" ]; then
    kill "$model_pid" 2>/dev/null
    wait "$model_pid" 2>/dev/null
    model_pid=""
  fi
}
trap stop_model EXIT
trap 'exit 130' INT TERM

start_model() { # start_model: sets SMOLLM2_URL; if the model cannot be started, sets `reason` and returns 1
  local address="$AGENTS_DIR/tmp/smollm2"
  rm -f "$address"
  python3 tests/smollm2/serve.py --folder "$AGENTS_DIR/smollm2" --port 0 >"$address" 2>"$log" &
  model_pid=$!
  until [ -s "$address" ]; do
    if ! kill -0 "$model_pid" 2>/dev/null; then
      model_pid=""
      reason="pip cannot fetch the model: $(grep -m 1 -i 'error' "$log" || tail -n 1 "$log")"
      return 1
    fi
    sleep 0.2
  done
  SMOLLM2_URL="$(sed 's|/v1$||' "$address")"
  export SMOLLM2_URL
}

names=("$@")
if [ ${#names[@]} -eq 0 ]; then names=("${all[@]}"); fi
for name in "${names[@]}"; do
  packages "$name" >/dev/null || { echo "unknown agent $name; expected one of: ${all[*]}" >&2; exit 2; }
done
if [ "$BANTER_BIN_DIR" = "$CARGO_TARGET_DIR/debug" ]; then
  cargo build --workspace --locked || exit 1
fi
cargo test --workspace --locked --test real_agents --no-run || exit 1

summary=()
code=0
for name in "${names[@]}"; do
  printf '\n== %s (%s)\n' "$name" "$(packages "$name")"
  if ! reason="$(install_agent "$name")"; then
    echo "SKIPPED: $reason"
    summary+=("$name: SKIPPED: $reason")
    continue
  fi
  skip=()
  if [ "$name" = opencode ] && ! start_model; then
    skip=(--skip a_small_real_model)
    summary+=("$name with SmolLM2: SKIPPED: $reason")
    echo "SKIPPED: SmolLM2: $reason"
  fi
  # Run one test at a time, because each one uses hundreds of megabytes of memory. Do not use /tmp, which some agents
  # reject.
  TMPDIR="$AGENTS_DIR/tmp" cargo test --workspace --locked --quiet --test real_agents -- \
    --ignored --nocapture --test-threads 1 "${skip[@]}" "${name//-/_}::" >"$log" 2>&1
  ended=$?
  stop_model
  if [ "$ended" -eq 0 ]; then grep -aoE 'SEEN .*' "$log"; else cat "$log"; code=1; fi
  summary+=("$name: $(grep -aoE '[0-9]+ passed; [0-9]+ failed' "$log" || echo 'no result')")
done
rm -rf "$AGENTS_DIR/tmp"
printf '\n'
printf '%s\n' "${summary[@]}"
exit "$code"
