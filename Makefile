# Two commands matter: `make run` and `make test`. Each installs what it needs through the ordinary package clients,
# says what it does, and is quick the second time.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
RUNTIME := runtime
TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
INSTINCT := $(TARGET)/release/instinct
# The black-box tests that run over either store.
OVER_REDIS := contract:: consistency:: fast_path:: slow_path:: feedback:: trust:: market:: restart:: prototype:: plans:: numeric:: datasets:: query_feedback::

.PHONY: help
help: ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup: ## Check the tools, fetch ONNX Runtime, the embedding model, the solvers and the warehouse
	@scripts/bootstrap.sh
	@python3 scripts/fetch.py
	@python3 scripts/fetch_chdb.py

.PHONY: warehouse
warehouse: ## Fetch the ClickHouse engine alone, which the warehouse in process runs on
	@scripts/bootstrap.sh
	@python3 scripts/fetch_chdb.py

.PHONY: llm
llm: setup ## Fetch a small language model and build its server, for the tests alone
	@python3 scripts/fetch_llm.py

.PHONY: redis
redis: setup ## Fetch real Redis servers, for the tests alone
	@python3 scripts/fetch_redis.py

.PHONY: warehouses
warehouses: setup ## Fetch PostgreSQL and MariaDB servers, for the tests alone
	@python3 scripts/fetch_warehouses.py

.PHONY: build
build: setup ## Build the release binary
	@echo "building $(INSTINCT) (some minutes the first time)"
	@cargo build --release --locked

.PHONY: run
run: build ## Start the service on the sample, at http://127.0.0.1:8005
	@$(INSTINCT) ingest sample/components.ndjson sample/entries.ndjson || echo "the sample was not loaded whole; the service starts all the same"
	@python3 scripts/sample_datasets/until_now.py $(TARGET)/sample-datasets
	@$(INSTINCT) ingest --keep --kind dataset $(TARGET)/sample-datasets/*.csv* || echo "the sample data sets were not loaded whole; the service starts all the same"
	@$(INSTINCT) ingest --keep sample/marketplace || echo "the sample marketplace was not loaded whole; the service starts all the same"
	@exec $(INSTINCT) serve

.PHONY: test
test: setup llm redis warehouses ## Pass all tests
	@echo "running all tests (compiling them takes some minutes the first time)"
	@python3 -m unittest discover -s scripts -p 'test_*.py'
	@cargo test --locked --no-fail-fast --lib --bins --tests --examples
	@echo "running the tests of the doors once more, over Redis"
	@TEST_STORE=redis cargo test --locked --test it -- $(OVER_REDIS)

.PHONY: lint
lint: ## Formatting, clippy with warnings as errors, documentation
	@cargo fmt --check
	@cargo clippy --locked --all-targets -- -D warnings
	@RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

.PHONY: bench
bench: setup ## Time every stage alone (criterion)
	@cargo bench --locked

.PHONY: load
load: build ## Open-loop load on a service of its own, and a table
	@cargo run --release --locked --example loadtest -- --binary $(INSTINCT)

.PHONY: deploy-check
deploy-check: build ## Check rules, dashboards, images, chart and runbooks in deploy/
	@python3 deploy/check.py --binary $(INSTINCT)

.PHONY: api-check
api-check: ## Have Schemathesis try the OpenAPI document on the service, without credentials and with each role's
	@[ -n "$(BINARY)" ] || cargo build --release --locked
	@python3 scripts/check_api.py --binary "$(or $(BINARY),$(INSTINCT))"

MINUTES ?= 10

.PHONY: fuzz
fuzz: ## Give bytes of strangers to every parser, MINUTES=10 each; TARGETS="journal doors" for some of them
	@python3 scripts/fuzz.py --minutes $(MINUTES) $(TARGETS)

TOOLS := $(TARGET)/tools
CARGO_DENY := 0.20.2
# The database of advisories comes from the network: `make deny CHECKS=advisories` where that is to be had.
CHECKS ?= licenses bans sources

$(TOOLS)/bin/cargo-deny:
	@echo "building cargo-deny into $(TOOLS) (some minutes, once)"
	@CARGO_TARGET_DIR=$(abspath $(TOOLS))/build cargo install --quiet --debug --locked --root $(TOOLS) cargo-deny@$(CARGO_DENY)

.PHONY: deny
deny: $(TOOLS)/bin/cargo-deny ## Check licences, sources and versions of all dependencies by deny.toml
	@PATH="$(abspath $(TOOLS))/bin:$$PATH" cargo deny --all-features check --hide-inclusion-graph $(CHECKS)

.PHONY: sbom
sbom: ## Write the bill of materials (CycloneDX) to target/sbom.cdx.json and check it
	@python3 scripts/sbom.py

CONSOLE := console

$(CONSOLE)/node_modules/.package-lock.json: $(CONSOLE)/package-lock.json
	@scripts/node.sh
	@cd $(CONSOLE) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: console
console: $(CONSOLE)/node_modules/.package-lock.json ## Build the console's page (npm); the result is committed
	@cd $(CONSOLE) && npm run --silent build

.PHONY: console-check
console-check: ## Check the console's sources, and that the committed page is what they build
	@scripts/node.sh
	@cd $(CONSOLE) && npm ci --no-audit --no-fund --loglevel=error && npm run --silent check
	@built=$$(mktemp -d) && trap 'rm -rf "$$built"' EXIT \
		&& (cd $(CONSOLE) && CONSOLE_OUT="$$built" npm run --silent build) \
		&& diff -r "$$built" $(CONSOLE)/dist \
		&& echo "console/dist is what the sources build"

.PHONY: console-test
console-test: setup $(CONSOLE)/node_modules/.package-lock.json ## Drive the console in Chromium; screenshots go to console/shots
	@scripts/chromium.sh
	@[ -n "$(BINARY)" ] || cargo build --release --locked
	@cd $(CONSOLE) && BINARY="$(abspath $(or $(BINARY),$(INSTINCT)))" timeout 600 npm run --silent browser

.PHONY: clean
clean: ## Remove what was built and fetched; the data folder stays
	@rm -rf $(TARGET) $(RUNTIME) $(CONSOLE)/node_modules $(CONSOLE)/shots
