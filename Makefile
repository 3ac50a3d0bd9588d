# Every word a developer needs; `make help` lists them. Each sets up what it needs, inside this folder only.

PYTHON ?= python3
PY := .venv/bin/python
DOCUMENT := spec/hp-printos-device-api-openapi.yml
PEERS := .venv/peers
REDOCLY := .ci/redocly/node_modules/@redocly/cli/bin/cli.js

export PYTHONUTF8 := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export REDOCLY_TELEMETRY := off
export REDOCLY_SUPPRESS_UPDATE_NOTICE := true
# Node.js knows only the certificates it was built with; behind a company's proxy the system's count as well.
export NODE_EXTRA_CA_CERTS ?= $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/ssl/cert.pem))
MAKEFLAGS += --no-print-directory

# A copied folder brings a copied .venv, which still points at the tree it was copied from: the name of READY says which
# folder was installed, and installing another one needs no network.
TOOLS := .venv/tools
READY := .venv/ready-$(shell pwd -P | cksum | cut -d' ' -f1)

help: ## list these words
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## a few minutes of three devices, against a sandbox of their own
	@$(PY) -m printos_ext.demo

test: $(READY) $(REDOCLY) ## run the tests
	@$(PY) -m pytest -n auto --dist worksteal

fuzz: $(READY) ## try ten thousand arbitrary answers on the SDK and the sources, and thousands of requests on the sandbox
	@PRINTOS_EXAMPLES=10000 PRINTOS_CASES=300 $(PY) -m pytest -n auto tests/sdk/test_bodies.py tests/sources tests/agent/test_outbox_model.py tests/agent/test_outbox_damage.py tests/agent/test_pacing.py tests/sandbox/test_schemathesis.py

torture: $(READY) ## the tests that take minutes: a million lines, a thousand kills, power cuts, a day without a server
	@$(PY) -m pytest -m torture --durations=0

check: $(READY) $(REDOCLY) ## everything but the tests: format, lint, types, imports, drift, contract, secrets
	@$(PY) -m ruff format --check --quiet .
	@$(PY) -m ruff check --quiet .
	@$(PY) -m mypy
	@$(PY) .venv/bin/lint-imports --no-cache --no-logo
	@$(MAKE) drift lint-spec
	@$(PY) tests/fixtures/scan.py

fmt: $(READY) ## format what is written by hand, and mend what the linter can
	@$(PY) -m ruff check --fix --quiet . || true
	@$(PY) -m ruff format .

regenerate: $(READY) ## write generated/ from spec/
	@$(PY) -E spec/codegen.py regenerate

drift: $(READY) ## show that generated/ is what spec/ makes of it, and the fixtures what the sandbox says, byte for byte
	@$(PY) -E spec/codegen.py drift
	@$(PY) tests/fixtures/record.py drift

record: $(READY) ## record the fixtures anew from the sandbox; BASE_URL=…: from the platform there
	@$(PY) tests/fixtures/record.py record $(if $(BASE_URL),"$$BASE_URL")

spec-diff: $(READY) $(REDOCLY) ## NEW=path: what would this version of HP's document do to us?
	@test "$$NEW" || { echo "spec-diff: failed: say which document, make spec-diff NEW=path (exit 2)"; exit 2; }
	@$(PY) -E spec/codegen.py spec-diff -- "$$NEW"

spec-update: $(READY) ## NEW=path: take this version of HP's document in; without NEW, the one edited in place
	@$(PY) -E spec/codegen.py spec-update -- "$${NEW:-$(DOCUMENT)}"

bench: $(READY) $(PEERS) ## measure, beside what it is compared with; JSON=path: keep the figures there
	@$(PY) benchmarks/bench.py $(if $(JSON),--json "$$JSON")

bench-fleet: $(READY) ## measure a fleet of 100,000 devices with two forwarders, which takes minutes
	@$(PY) benchmarks/fleet.py --devices 100000

lint-spec: $(READY) $(REDOCLY) ## check the contract itself
	@$(PY) -m openapi_spec_validator $(DOCUMENT)
	@if test -e $(REDOCLY); then \
		said=$$(node $(REDOCLY) lint --config .ci/redocly/redocly.yaml $(DOCUMENT) 2>&1) || { echo "$$said"; exit 1; }; \
		echo "lint-spec: Redocly finds nothing to mend"; \
	fi

build: $(READY) ## make wheel and sdist in dist/
	@rm -rf dist
	@$(PY) -m build --no-isolation --outdir dist

test-wheel: build ## install the wheel in new environments, lowest and highest dependencies, and use it there
	@PYTHONPATH=tests/peers $(PY) tests/client/wheel.py

lock: $(READY) ## pin the newest development tools that pyproject.toml allows, with hashes
	@$(PY) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --group dev --all-extras \
		--generate-hashes --no-emit-index-url --no-header pyproject.toml --output-file requirements-dev.txt
	@$(PY) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --group peers \
		--constraint requirements-dev.txt \
		--generate-hashes --no-emit-index-url --no-header --output-file benchmarks/requirements.txt

clean: ## back to a fresh clone
	@rm -rf .venv dist .ci/redocly/node_modules .generated-* .recorded-* .artefacts .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(TOOLS): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=…")'
	@$(PYTHON) -m venv .venv
	@$(PY) -m pip install -qq --require-hashes --requirement requirements-dev.txt
	@touch $@

$(READY): $(TOOLS) pyproject.toml
	@$(PY) -m pip install -qq --no-deps --no-build-isolation --editable .
	@rm -f .venv/ready-*
	@touch $@

# Optional: without them, what needs them is left out and says so.
$(PEERS): benchmarks/requirements.txt $(TOOLS)
	@if $(PY) -m pip install -qq --retries 1 --require-hashes --requirement benchmarks/requirements.txt; then touch $@; \
	else echo "note: without those who are measured beside us: the package index is not here"; fi

$(REDOCLY): .ci/redocly/package-lock.json
	@if node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || a == 22 && b >= 12 || a == 20 && b >= 19 ? 0 : 1)' \
		2>/dev/null && npm ci --prefix .ci/redocly --silent --fetch-retries=0; then touch $@; \
	else echo "note: without Redocly: Node.js 22.12 or newer (or 20.19), npm and its registry are not all here"; fi

.PHONY: help demo test fuzz torture check fmt regenerate drift record spec-diff spec-update bench bench-fleet lint-spec build test-wheel lock clean
