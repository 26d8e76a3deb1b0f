# Shared by the peers' scripts. CACHE is the folder for downloads.
CACHE="${PEERS_CACHE:-${CARGO_TARGET_DIR:-$PWD/../../../target}/peers}"

need() { # need <program>…: exits with 77 if a program is missing
  for program in "$@"; do
    command -v "$program" >/dev/null || { echo "$program is missing"; exit 77; }
  done
}

on_product_cpu() { # runs a command on the first CPU
  exec_on 0 "$@"
}

on_load_cpu() { # runs a command on the second CPU
  exec_on 1 "$@"
}

exec_on() {
  local cpu=$1
  shift
  if command -v taskset >/dev/null; then exec_command=(taskset -c "$cpu" "$@"); else exec_command=("$@"); fi
  # In the background, the command replaces its subshell, so that $! is the command's process ID.
  if [ "$BASHPID" != "$$" ]; then exec "${exec_command[@]}"; else "${exec_command[@]}"; fi
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' 2>/dev/null ||
    node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

wait_for_port() { # wait_for_port <port>: waits for at most a minute
  for _ in $(seq 600); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return; fi
    sleep 0.1
  done
  echo "nothing listens on port $1" >&2
  return 1
}
