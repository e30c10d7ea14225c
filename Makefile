# make help lists what there is to make.

PYTHONS := python3.11 python3.12
VENV := .venv
BIN := $(VENV)/bin
LOCKS := config/locks
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench lock clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Install everything under .venv and .runtime; quick, and without network, when it is there.
	@$(BIN)/python -m config.setup_runtime

demo: setup ## Generate events, stream them to the end and show that the books balance.
	@$(BIN)/tally demo

# Two at a time, a file of tests at once: much of a Spark test is waiting for one thread. Each has a Spark of its own.
# In the order of tests/conftest.py, longest first; xdist's own order is by the number of tests, and journeys are few and long.
test: setup ## Run all tests.
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: $(STAMP) ## Check style, types and the direction of imports.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup ## Measure speed beside a bare Spark job; minutes.
	@$(BIN)/python -m benchmarks

# For every platform and Python that pyproject.toml allows; another index is named in UV_DEFAULT_INDEX.
LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

lock: $(STAMP) ## Renew config/locks: the newest versions that pyproject.toml allows, with the hashes of their files.
	@echo setuptools | $(LOCK) - --output-file $(LOCKS)/build.txt
	@$(LOCK) --extra serving --extra java pyproject.toml --output-file $(LOCKS)/core.txt
	@$(LOCK) --extra dev --constraints $(LOCKS)/core.txt pyproject.toml --output-file $(LOCKS)/dev.txt

clean: ## Remove .venv, .runtime and what tools leave; data/ stays.
	rm -rf $(VENV) .runtime build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis spark-warehouse

# Every file that is installed has one of the hashes in config/locks; PySpark, which comes as source, is built by the locked setuptools.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The stamp is the locks and the pyproject.toml that were installed: ones that are only newer, as after a checkout, install nothing.
# The first Python of the list that runs, not only the first that is there: version managers leave names that do not run.
$(STAMP): pyproject.toml $(wildcard $(LOCKS)/*.txt)
	@python=; for one in $(PYTHONS); do \
	  if $$one -c '' 2>/dev/null; then python=$$one; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "Python 3.11 or 3.12 is needed, and none of $(PYTHONS) runs here: install one (Debian: apt install python3.11 python3.11-venv)." >&2; \
	  exit 2; \
	fi; \
	if [ ! -x $(BIN)/python ] || ! $(BIN)/python -c '' 2>/dev/null; then \
	  echo "Making $(VENV) with $$python …"; \
	  rm -rf $(VENV); \
	  $$python -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); $$python -m virtualenv --quiet $(VENV) 2>/dev/null; } \
	  || { rm -rf $(VENV); virtualenv --quiet --python $$python $(VENV) 2>/dev/null; } || { \
	    rm -rf $(VENV); \
	    echo "$$python cannot make a virtual environment: install its venv module (Debian: apt install $$python-venv) or virtualenv." >&2; \
	    exit 2; }; \
	fi
	@if ! cat $^ | cmp -s - $@; then \
	  echo "Installing packages (a minute or two, once) …"; \
	  $(INSTALL) --require-hashes --requirement $(LOCKS)/build.txt \
	  && $(INSTALL) --require-hashes --no-build-isolation --requirement $(LOCKS)/dev.txt \
	  && $(INSTALL) --no-deps --no-build-isolation --editable . || { \
	    echo "The packages could not be installed: see above; check the network and run make setup again." >&2; exit 2; }; \
	fi
	@cat $^ > $@
