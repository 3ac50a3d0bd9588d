# Every word a developer needs; `make help` lists them. Each sets up what it needs, inside this folder only.

PYTHON ?= python3
PY := .venv/bin/python
REDOCLY := .ci/redocly

export NEW
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export REDOCLY_TELEMETRY := off
export REDOCLY_SUPPRESS_UPDATE_NOTICE := true
MAKEFLAGS += --no-print-directory

# A copied folder brings a copied .venv, which still points at the tree it was copied from: the name of READY says which
# folder was installed, and installing another one needs no network.
TOOLS := .venv/tools
READY := .venv/ready-$(shell pwd -P | cksum | cut -d' ' -f1)
# Node.js is optional: only comparing documents and the contract's second linter need it.
NODE := $(if $(and $(shell command -v node),$(shell command -v npm)),$(REDOCLY)/node_modules/.package-lock.json)

help: ## list these words
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' Makefile

test: $(READY) $(NODE) ## run the tests
	@$(PY) -m pytest -n auto --dist worksteal

check: $(READY) $(NODE) ## everything but the tests: format, lint, types, imports, drift, contract, secrets
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
	@$(PY) spec/codegen.py regenerate

drift: $(READY) ## show that generated/ is what spec/ makes of it, byte for byte
	@$(PY) spec/codegen.py drift

spec-diff: $(READY) $(NODE) ## NEW=path: what would this version of HP's document do to us?
	@test -n "$$NEW" || { echo "spec-diff: cannot tell: say which document, NEW=path (exit 2)"; exit 2; }
	@$(PY) spec/codegen.py spec-diff "$$NEW"

spec-update: $(READY) ## NEW=path: take this version of HP's document in
	@$(PY) spec/codegen.py spec-update "$$NEW"

spec-update: NEW ?= spec/hp-printos-device-api-openapi.yml

lint-spec: $(READY) $(NODE) ## check the contract itself
	@$(PY) -m openapi_spec_validator spec/hp-printos-device-api-openapi.yml
ifdef NODE
	@said=$$(node $(REDOCLY)/node_modules/@redocly/cli/bin/cli.js lint --config $(REDOCLY)/redocly.yaml \
		spec/hp-printos-device-api-openapi.yml 2>&1) || { echo "$$said"; exit 1; }
	@echo "lint-spec: Redocly finds nothing to mend"
else
	@echo "lint-spec: Redocly's rules left out: Node.js with npm is not on the PATH"
endif

build: $(READY) ## make wheel and sdist in dist/
	@rm -rf dist
	@$(PY) -m build --no-isolation --outdir dist

test-wheel: build ## install the wheel in new environments, lowest and highest dependencies, and use it there
	@$(PY) tests/client/wheel.py

lock: $(READY) ## pin the newest development tools that pyproject.toml allows, with hashes
	@$(PY) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --group dev --all-extras \
		--generate-hashes --no-emit-index-url --no-header pyproject.toml --output-file requirements-dev.txt

clean: ## back to a fresh clone
	@rm -rf .venv dist $(REDOCLY)/node_modules .generated-* .mypy_cache .pytest_cache .ruff_cache .hypothesis
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

$(REDOCLY)/node_modules/.package-lock.json: $(REDOCLY)/package-lock.json
	@npm ci --prefix $(REDOCLY) --silent --no-audit --no-fund
	@touch $@

.PHONY: help test check fmt regenerate drift spec-diff spec-update lint-spec build test-wheel lock clean
