#!/usr/bin/env bash
# Validates the files in `deploy/` and compose.yaml without a cluster or Docker: Compose files and Kubernetes objects
# against their schemas, and systemd units with systemd-analyze. Needs the network to install the validators.
set -euo pipefail
cd "$(dirname "$0")/.."

# All validators and their dependencies, so that every run uses the same versions.
packages=(
  attrs==26.1.0 certifi==2026.10.19.post1 charset-normalizer==3.5.3 check-jsonschema==0.39.0 click==8.5.1 idna==3.20
  importlib_resources==7.1.0 jsonschema==4.26.0 jsonschema-specifications==2025.9.1 kubernetes-validate==1.37.0
  packaging==26.4 PyYAML==6.0.4 referencing==0.37.0 regress==2026.9.1 requests==2.34.2 rpds-py==2026.9.1
  ruamel.yaml==0.19.1 typing_extensions==4.16.0 urllib3==2.8.0
)
# The oldest and the newest Kubernetes release whose schemas the manifests must match.
kubernetes_versions=(1.30 1.37)
# The highest exposure that `systemd-analyze security` may report, in tenths, from 0 to 100.
api_exposure=20
worker_exposure=35

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "failed: $1" >&2
  exit 1
}

check() { # check <description> <command> <arguments>…: prints one line, or the output and an error
  "${@:2}" >"$work/output" 2>&1 || { cat "$work/output" >&2; fail "$1"; }
  echo "ok: $1"
}

# The environment is kept, and its name contains a hash of the versions.
venv="${XDG_CACHE_HOME:-$HOME/.cache}/banter/check-deploy-$(printf '%s\n' "$(python3 --version)" "${packages[@]}" | sha256sum | cut -c 1-12)"
install_validators() {
  if [ -e "$venv/complete" ]; then return; fi
  rm -rf "$venv" &&
    python3 -m venv "$venv" &&
    "$venv/bin/pip" --quiet --disable-pip-version-check install --no-deps --only-binary :all: "${packages[@]}" &&
    "$venv/bin/pip" --disable-pip-version-check check &&
    touch "$venv/complete"
}
check "the validators are installed" install_validators

for file in compose.yaml deploy/compose/compose.yaml; do
  check "$file matches the Compose schema" "$venv/bin/check-jsonschema" --builtin-schema vendor.compose-spec "$file"
done

variables_are_listed() {
  sed -n 's/.*[$]{\([A-Z_]*\):?.*/\1/p' deploy/compose/compose.yaml | sort -u >"$work/required" && [ -s "$work/required" ] || return
  while read -r name; do
    grep -q "^$name=$" deploy/compose/.env.example || { echo "$name is missing or has a value"; return 1; }
  done <"$work/required"
}
check "deploy/compose/.env.example lists every required variable, without a value" variables_are_listed

if command -v caddy >/dev/null; then
  check "deploy/compose/Caddyfile is valid" env BANTER_HOST=localhost caddy validate --config deploy/compose/Caddyfile --adapter caddyfile
else
  echo "SKIPPED: validating deploy/compose/Caddyfile requires caddy"
fi

kustomization_lists_all_files() {
  diff <(sed -n '/^resources:/,/^[a-z]/s/^  - //p' deploy/kubernetes/kustomization.yaml | sort) \
    <(cd deploy/kubernetes && printf '%s\n' *.yaml | grep -vx -e kustomization.yaml -e secret.example.yaml -e secret.yaml | sort)
}
check "deploy/kubernetes/kustomization.yaml lists every manifest" kustomization_lists_all_files

render() {
  if command -v kubectl >/dev/null; then kubectl kustomize deploy/kubernetes; else kustomize build deploy/kubernetes; fi >"$work/rendered.yaml"
}
if command -v kubectl >/dev/null || command -v kustomize >/dev/null; then
  check "deploy/kubernetes renders" render
else
  echo "SKIPPED: rendering deploy/kubernetes requires kubectl or kustomize; the files are validated as they are"
  for file in deploy/kubernetes/*.yaml; do
    [ "$file" = deploy/kubernetes/kustomization.yaml ] || { cat "$file"; echo "---"; }
  done >"$work/rendered.yaml"
fi

for version in "${kubernetes_versions[@]}"; do
  check "the manifests match the schemas of Kubernetes $version" "$venv/bin/kubernetes-validate" --strict --kubernetes-version "$version" \
    "$work/rendered.yaml" deploy/kubernetes/secret.example.yaml
done

# systemd-analyze requires the programs to exist. Warnings, such as an unknown setting, do not change its exit code.
mkdir "$work/units" "$work/bin"
for program in api worker; do
  ln -s "$(type -P true)" "$work/bin/$program"
done
for unit in deploy/systemd/*.service; do
  sed "s|/opt/banter/bin|$work/bin|" "$unit" >"$work/units/${unit##*/}"
done
verify() {
  found=$(systemd-analyze verify --man=no "$1" 2>&1) || { echo "$found"; return 1; }
  [ -z "$found" ] || { echo "$found"; return 1; }
}
check "banter-api.service is valid" verify "$work/units/banter-api.service"
check "banter-worker@.service is valid" verify "$work/units/banter-worker@.service"
check "the exposure of banter-api.service is at most $api_exposure of 100" \
  systemd-analyze security --offline=true --threshold="$api_exposure" "$work/units/banter-api.service"
check "the exposure of banter-worker@.service is at most $worker_exposure of 100" \
  systemd-analyze security --offline=true --threshold="$worker_exposure" "$work/units/banter-worker@.service"
