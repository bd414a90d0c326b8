# From a clone to a report. Needs Python 3.11 or later, and nothing else:
#   make demo   a red report from an embedded platform, in under a minute
#   make test   the project's own tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests side by side. Each worker of the integration tests has servers of its own, half a GB of memory each.
WORKERS ?= 2
# uv resolves and installs in seconds; where it has no wheel, pip does the same in a minute.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
INSTALLER = if $(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: uv 2>/dev/null; \
	then echo "$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python"; else echo "$(INSTALL)"; fi

.PHONY: help demo test check control-plane keycloak docs constraints clean
help: ## List what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: $(VENV)/.demo ## Show a red report from an embedded Domino platform
	@status=0; $(BIN)/pytest --profile demo || status=$$?; \
	if [ $$status -ne 1 ]; then echo "make demo: expected a closed gate (exit 1), got exit $$status"; exit 1; fi; \
	echo; echo "This was a red report, on purpose. Open it: reports/demo/latest/report.html"; \
	echo "A green one: $(BIN)/pytest --profile demo-healthy"

test: $(VENV)/.dev ## Run the project's own tests
	$(BIN)/pytest -n $(WORKERS) tests --ignore tests/integration
	$(BIN)/pytest -n $(WORKERS) --dist loadfile tests/integration

check: $(VENV)/.dev ## Run all that CI runs: lint, types and tests on each Python
	$(BIN)/tox run

control-plane: ## Build the Kubernetes control plane for the integration tests (needs Go, ten minutes once)
	@tests/integration/control-plane/build.sh

keycloak: ## Install Keycloak for the integration tests (needs Maven and Java, a minute once)
	@tests/integration/keycloak/install.sh

docs: $(VENV)/.dev ## Make anew the pages that are made from the code
	$(BIN)/python -m domino_health.plugin.catalogue > docs/checks.md
	$(BIN)/python -m domino_health.plugin.mapping > docs/controls.md
	$(BIN)/python -m domino_health.plugin.manifests > docs/rights.md
	$(BIN)/python -m domino_health.plugin.schema > docs/profile.schema.json

constraints: $(VENV)/.dev ## Pin anew what a repeatable install installs
	$(BIN)/uv pip compile --quiet --universal --upgrade --no-emit-index-url --no-header --no-annotate \
		--python-version 3.11 --extra dev --output-file constraints.txt pyproject.toml

clean: ## Remove what make made
	rm -rf $(VENV) .tox .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "domino-health needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1)."; \
		echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing into $(VENV) ..."
	@install=$$($(INSTALLER)); $$install -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing into $(VENV), with the tools for development ..."
	@install=$$($(INSTALLER)); $$install -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.demo
