# Every command does its own set-up. `make` alone lists them.

SHELL := /bin/bash
export CARGO_TARGET_DIR ?= $(CURDIR)/target

.PHONY: help run dev test test-agents test-faults test-rounds soak bench-readers bench-hostile bench-warm dashboard openapi dist gate clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

run: ## Build everything and run api and worker; no service is needed
	@scripts/need.sh cargo node
	@$(MAKE) --no-print-directory dashboard
	cargo build --release --locked
	@scripts/run.sh "$(CARGO_TARGET_DIR)/release"

dev: ## Run api and worker from a debug build, and the page with hot reload
	@scripts/need.sh cargo node
	@scripts/npm-ci.sh
	cargo build --locked
	@DEV_PAGE=1 scripts/run.sh "$(CARGO_TARGET_DIR)/debug"

test: ## Run every test: unit, api, worker, faults, page, browser
	@scripts/need.sh cargo node chromium redis-server openssl libfaketime
	@scripts/test.sh

test-agents: ## Drive opencode, Gemini CLI, Codex, Claude and fast-agent without an account; downloads 2 GB once (AGENTS_DIR=)
	@scripts/need.sh cargo node
	@scripts/test-agents.sh $(AGENTS)

test-faults: ## Throw random faults at an installation at work, for ten minutes (ROUNDS= for more)
	@scripts/need.sh cargo redis-server
	@scripts/test-faults.sh

soak: ## Run at half of full load for an hour: nothing may grow (MINUTES=, RATE= answers a second, PLOT=)
	@scripts/need.sh cargo redis-server
	@scripts/bench.sh soak --minutes "$(or $(MINUTES),60)" $(if $(RATE),--rate "$(RATE)") \
		--csv "$(CARGO_TARGET_DIR)/soak.csv" --plot "$(or $(PLOT),docs/images/soak.svg)"

bench-readers: ## Measure 800 readers with and without 200 others that stopped reading
	@scripts/need.sh cargo
	@scripts/bench.sh readers

bench-hostile: ## Measure a good client beside 800 silent connections and 24 clients that never read
	@scripts/need.sh cargo
	@scripts/bench.sh hostile

bench-warm: ## Measure what a turn costs beside the agent's own time
	@scripts/need.sh cargo
	@scripts/bench.sh warm

test-rounds: ## Kill, freeze, cut, race and restart two hundred times each, an hour or more (ROUNDS= for fewer)
	@scripts/need.sh cargo redis-server
	@scripts/test-rounds.sh

dashboard: ## Build the page that the api serves
	@scripts/npm-ci.sh
	npm --prefix dashboard run build

openapi: ## Write docs/openapi.json and the page's types from the code
	cargo run --quiet --locked --bin api -- openapi > docs/openapi.json
	@scripts/npm-ci.sh
	npm --prefix dashboard run generate

dist: ## Build the release in dist/: a tarball that runs without Rust or Node, SBOMs, checksums
	@scripts/need.sh cargo node
	@scripts/dist.sh

gate: ## Check format, lints, docs, licences and unused dependencies
	@scripts/need.sh cargo node
	@scripts/gate.sh

clean: ## Remove what was built (the data stay)
	rm -rf target dist dashboard/dist dashboard/node_modules
