# Every command does its own setup. Run `make` to list the commands.

SHELL := /bin/bash
export CARGO_TARGET_DIR ?= $(CURDIR)/target

.PHONY: help run dev test test-agents test-chaos test-stress soak bench bench-readers bench-hostile bench-capacity bench-warm dashboard openapi dist gate check-deploy clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

run: ## Build everything and run api and worker; no services required
	@scripts/need.sh cargo node
	@$(MAKE) --no-print-directory dashboard
	cargo build --release --locked
	@scripts/run.sh "$(CARGO_TARGET_DIR)/release"

dev: ## Run api and worker from a debug build, and the page with hot reload
	@scripts/need.sh cargo node
	@scripts/npm-ci.sh
	cargo build --locked
	@DEV_PAGE=1 scripts/run.sh "$(CARGO_TARGET_DIR)/debug"

test: ## Run every test: unit, api, worker, faults, page, and browser
	@scripts/need.sh cargo node chromium redis-server postgresql pgbouncer openssl libfaketime
	@scripts/test.sh

test-agents: ## Test opencode, Gemini CLI, Codex, Claude, and fast-agent without an account; downloads 2 GB once (AGENTS_DIR=)
	@scripts/need.sh cargo node
	@scripts/test-agents.sh $(AGENTS)

test-chaos: ## Inject random faults into an installation under load for ten minutes (ROUNDS= for more)
	@scripts/need.sh cargo redis-server
	@scripts/test-chaos.sh

soak: ## Run at half load for an hour and check that resource usage does not grow (MINUTES=, RATE= answers per second, PLOT=)
	@scripts/need.sh cargo redis-server
	@scripts/bench.sh soak --minutes "$(or $(MINUTES),60)" $(if $(RATE),--rate "$(RATE)") \
		--csv "$(CARGO_TARGET_DIR)/soak.csv" --plot "$(or $(PLOT),docs/images/soak.svg)"

bench: ## Measure how much load this machine can handle, in half an hour (QUICK=1: in two minutes; PEERS=1, UNPINNED=1, ONLY=, RUNS=, DOCS=1)
	@scripts/need.sh cargo redis-server postgresql
	@scripts/bench.sh performance --output "$(CARGO_TARGET_DIR)/bench" $(if $(QUICK),--quick) $(if $(RUNS),--runs "$(RUNS)") \
		$(if $(ONLY),--only "$(ONLY)") $(if $(UNPINNED),--unpinned) $(if $(PEERS),--peers bench/peers) \
		$(if $(DOCS),--docs docs/performance.md) $(if $(FROM),--from "$(FROM)")

bench-readers: ## Measure performance for 800 readers, with and without 200 stalled ones
	@scripts/need.sh cargo
	@scripts/bench.sh readers

bench-hostile: ## Measure a well-behaved client alongside 800 idle connections and 24 clients that never read
	@scripts/need.sh cargo
	@scripts/bench.sh hostile

bench-capacity: ## Compare the estimate in docs/scaling.md with measured runs (POSTGRES=1)
	@scripts/need.sh cargo redis-server postgresql
	@scripts/bench.sh capacity $(if $(POSTGRES),--postgres)

bench-warm: ## Measure the overhead of a turn, excluding the agent's own time
	@scripts/need.sh cargo
	@scripts/bench.sh warm

test-stress: ## Test kills, freezes, dropped streams, races, and restarts, 200 rounds each; takes an hour or more (ROUNDS= for fewer)
	@scripts/need.sh cargo redis-server postgresql
	@scripts/test-stress.sh

dashboard: ## Build the dashboard
	@scripts/npm-ci.sh
	npm --prefix dashboard run build

openapi: ## Generate docs/openapi.json and the dashboard's types and schemas from the code
	cargo run --quiet --locked --bin api -- openapi > docs/openapi.json
	@scripts/npm-ci.sh
	npm --prefix dashboard run generate

dist: ## Build a release in dist/: a tarball that runs without Rust or Node, SBOMs, and checksums
	@scripts/need.sh cargo node
	@scripts/dist.sh

gate: ## Check formatting, lints, docs, import cycles, spelling, generated files, licenses, and unused dependencies
	@scripts/need.sh cargo node
	@scripts/gate.sh

check-deploy: ## Validate the Compose files, Kubernetes manifests, and systemd units; needs the network, but no cluster or Docker
	@scripts/need.sh python3-venv systemd-analyze
	@scripts/check-deploy.sh

clean: ## Remove build output (data is kept)
	rm -rf target dist dashboard/dist dashboard/node_modules
