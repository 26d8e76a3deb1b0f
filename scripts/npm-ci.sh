#!/usr/bin/env bash
# Installs the dashboard's packages if the lock file has changed since the last installation.
set -euo pipefail
cd "$(dirname "$0")/../dashboard"

stamp=node_modules/.installed
if [ ! -f "$stamp" ] || ! cmp -s package-lock.json "$stamp"; then
  npm ci --no-audit --no-fund --loglevel=error
  cp package-lock.json "$stamp"
fi
