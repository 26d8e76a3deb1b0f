#!/usr/bin/env bash
# Builds the release artifacts in `dist/`: a tarball of programs that run on Debian 12 or later without Rust or Node, a
# CycloneDX SBOM for each program and for the page, and the checksums of all of them.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"

step() { printf '\n== %s\n' "$1"; }

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
target=$(rustc -vV | sed -n 's/^host: //p')
name="banter-$version-$target"
epoch=$(git log -1 --format=%ct 2>/dev/null || date +%s)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf dist
mkdir -p dist "$work/$name/bin" "$work/$name/deploy" "$work/$name/scripts"

step "page"
scripts/npm-ci.sh
npm --prefix dashboard run build

step "programs"
cargo build --release --locked
for program in api worker; do
  strip -o "$work/$name/bin/$program" "$CARGO_TARGET_DIR/release/$program"
done

step "tarball"
cp -r README.md CHANGELOG.md CONTRIBUTING.md LICENSE SECURITY.md .env.example agents.example.toml docs "$work/$name/"
cp scripts/run.sh "$work/$name/scripts/"
cp -r deploy/systemd "$work/$name/deploy/"
cat >"$work/$name/banter" <<'START'
#!/usr/bin/env bash
# Runs one api and one worker until Ctrl-C. Data is stored in `data/` beside this file.
exec "$(dirname "$0")/scripts/run.sh" bin
START
chmod 755 "$work/$name/banter"
tar --directory "$work" --create --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner "$name" |
  gzip --no-name --best >"dist/$name.tar.gz"

step "SBOM"
cargo cyclonedx --version >/dev/null 2>&1 || cargo install --locked --quiet cargo-cyclonedx@^0.5
for program in api worker; do
  SOURCE_DATE_EPOCH=$epoch cargo cyclonedx --quiet --format json --spec-version 1.5 --manifest-path "$program/Cargo.toml" \
    --override-filename sbom
  mv "$program/sbom.json" "dist/banter-$version-$program.cdx.json"
  find . -path ./target -prune -o -path ./dashboard -prune -o -name sbom.json -exec rm {} +
done
npm --prefix dashboard sbom --omit=dev --sbom-format=cyclonedx >"dist/banter-$version-dashboard.cdx.json"

step "checksums"
(cd dist && sha256sum -- * >SHA256SUMS && cat SHA256SUMS)
