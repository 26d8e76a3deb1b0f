#!/usr/bin/env bash
# Installs the page's packages unless they are there as the lock file says.
set -euo pipefail
cd "$(dirname "$0")/../dashboard"

stamp=node_modules/.installed
if [ ! -f "$stamp" ] || ! cmp -s package-lock.json "$stamp"; then
  npm ci --no-audit --no-fund --loglevel=error
  cp package-lock.json "$stamp"
fi
