# Every target that people use has a `##` sentence: `make help` prints them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONPATH := tools/devcluster:tools/images:tools/demo
PARTS := fleet runner keyring cli payout localton

.PHONY: help
help: ## Print the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  \033[1m%-16s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---- the environment

$(VENV)/.done: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import ensurepip, sys; assert sys.version_info >= (3, 11)' 2>/dev/null || tools/packages.sh python3 python3-venv
	@command -v cc >/dev/null || tools/packages.sh gcc libc6-dev
	@$(PYTHON) -c 'import pathlib, sysconfig; assert (pathlib.Path(sysconfig.get_path("include")) / "Python.h").exists()' \
		2>/dev/null || tools/packages.sh python3-dev
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: venv
venv: $(VENV)/.done ## Make the virtual environment from the locked requirements.

.PHONY: lock
lock: venv ## Lock the requirements of every part again, with hashes.
	$(BIN)/python -m tools.lock $(PARTS)

.PHONY: reference
reference: venv ## Write the generated pages of the reference, and the dashboards, again.
	$(BIN)/python -m tools.reference
	$(BIN)/python -m tools.dashboards

.PHONY: pictures
pictures: venv ## Draw the dashboards for the documentation, from what tests/e2e/test_symptoms.py scraped last.
	$(BIN)/python -m tools.dashboards.pictures build/dashboards/scrape.json docs/tasks/pictures

.PHONY: docs
docs: venv ## Build the documentation's site into build/site; a warning is an error.
	$(BIN)/sphinx-build -q -W --keep-going -c docs/site -d build/site-doctrees . build/site
	@echo "The site is in build/site: open build/site/index.html."

# ---- checks

.PHONY: format
format: venv ## Format the code.
	$(BIN)/ruff check -q --fix-only . ; $(BIN)/ruff format -q .

.PHONY: lint
lint: venv ## Check format, lint, types and the arrows between packages.
	$(BIN)/ruff format -q --check .
	$(BIN)/ruff check -q .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

.PHONY: unit
unit: venv ## Run the tests that need nothing but Python.
	$(BIN)/pytest tests/unit tests/scenario tests/devcluster -m "not api and not helm and not triton and not e2e"

.PHONY: presubmit
presubmit: lint unit ## What must be green before a commit lands.

.PHONY: test-packages
test-packages:
	@tools/packages.sh postgresql prometheus age

.PHONY: test
test: venv lint docs binaries test-packages ## Run everything: lint, unit, scenario, real API server, real Triton, real cluster.
	$(BIN)/pytest tests

# ---- the development cluster

.PHONY: binaries
binaries: ## Build Kubernetes and its friends into the cache (first time about 15 minutes).
	$(PYTHON) -m devcluster build

.PHONY: images
images: ## Build the container images, without any registry.
	$(PYTHON) -m imagebuild build

.PHONY: image-archives
image-archives: ## Write each image as an OCI archive to build/images, and print the digests to pin them by.
	$(PYTHON) -m imagebuild archive

.PHONY: sbom
sbom: venv image-archives ## Write the bill of materials of each image beside it (CycloneDX), and check its licences.
	$(BIN)/python -m tools.supply

.PHONY: reproduce
reproduce: venv ## Build each image a second time, from nothing, and compare the digests (10 minutes).
	$(BIN)/python -m tools.supply.reproduce

.PHONY: cluster
cluster: ## Start the development cluster (as root).
	$(PYTHON) -m devcluster up --profile full

.PHONY: cluster-down
cluster-down: ## Stop the development cluster and leave nothing behind.
	$(PYTHON) -m devcluster down --wipe

.PHONY: demo
demo: venv ## The whole product on this machine: a cluster, real jobs on a real Triton server (as root).
	$(BIN)/python -m demo up

.PHONY: demo-down
demo-down: ## Take the demo away.
	$(PYTHON) -m demo down

# ---- benchmarks

.PHONY: bench-plan
bench-plan: venv ## The planner alone: 1,000 nodes, 100,000 jobs.
	$(BIN)/python -m tests.bench.bench_plan

.PHONY: bench-jobs
bench-jobs: venv binaries ## Jobs end to end on a real API server, in the profile of Kueue's own benchmark.
	$(BIN)/python -m tests.bench.bench_jobs

.PHONY: bench-attest
bench-attest: venv ## Verdicts on evidence: a TDX guest with 8 GPUs.
	$(BIN)/python -m tests.bench.bench_attest

.PHONY: bench-runner
bench-runner: venv ## The runner beside a bare Triton client.
	$(BIN)/python -m tests.bench.bench_runner

.PHONY: bench-input
bench-input: venv ## An input of 10 GiB through the runner, to see that its memory stays flat (5 minutes).
	$(BIN)/python -m tests.bench.large_input

.PHONY: bench-payout
bench-payout: venv ## Receipts taken, transfers settled and what they cost, on PostgreSQL, SQLite and a local chain.
	$(BIN)/python -m tests.bench.bench_payout

.PHONY: bench-seal
bench-seal: venv ## A sealed input of 1 GiB opened by the runner, beside pyrage alone on the same file.
	$(BIN)/python -m tests.bench.bench_seal

# ---- chaos

.PHONY: chaos-payout
chaos-payout: venv ## Payments under crashes, lost messages and an empty wallet: 30 seeds on each database (30 minutes).
	$(BIN)/python -m tests.chaos.payout

.PHONY: chaos-operator
chaos-operator: venv binaries ## The operator under 1,000 kill -9 at random moments, on a real API server (half an hour).
	$(BIN)/python -m tests.chaos.operator

.PHONY: chaos-outage
chaos-outage: venv binaries ## The API server, and then etcd, away for two minutes while jobs run (6 minutes).
	$(BIN)/python -m tests.chaos.operator.outage

.PHONY: fuzz-age
fuzz-age: venv ## Malformed age files for ten minutes.
	$(BIN)/python -m tests.chaos.fuzz_age

.PHONY: chart-on-cluster
chart-on-cluster: venv binaries ## The release upgraded, uninstalled and installed again under running jobs, and keyrings that come and go (as root; 4 minutes beside the demo: apart from `make test`, whose stories of money it would disturb).
	$(BIN)/pytest tests/e2e/release_stories.py tests/e2e/keyring_stories.py

.PHONY: clean
clean: ## Remove what was built here; caches in the home folder stay.
	rm -rf build dist $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
