# Everything a person or a CI machine does with this repository. `make` alone lists it.

PYTHON ?= python3
RUN_ENV := .venv
DEV_ENV := .venv-dev
PEERS_ENV := .venv-peers
OPENAPI_ENV := .venv-openapi
DEV := $(DEV_ENV)/bin
COMPILE = $(DEV)/uv pip compile $(LOCK_FLAGS) --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links

# Extra arguments, for example: make run ARGS="--port 9000", make test ARGS="-k cancel", make lock LOCK_FLAGS=--upgrade
ARGS ?=
LOCK_FLAGS ?=
MINUTES ?= 5
SEED ?=

# Everything starts from compiled modules, as where it is installed.
unexport PYTHONDONTWRITEBYTECODE

# Tests wait more than they compute, so there are more processes than cores. The tests of a file stay together: they
# share what is slow to start, and keep the order of tests/conftest.py. What promises a number of seconds runs after
# them, alone. `make test PARALLEL=` runs all of them one after the other.
PARALLEL ?= --numprocesses 4 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run venv venv-dev venv-peers venv-openapi check format test test-versions openapi messages screenshots fuzz bench bench-quick chaos \
	provision lock images clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: venv ## Start the whole service in one process: API, relay, worker and upkeep on SQLite
	@$(RUN_ENV)/bin/narad dev $(ARGS)

venv: $(RUN_ENV)/.complete ## Build .venv from requirements.txt

venv-dev: $(DEV_ENV)/.complete ## Build .venv-dev from requirements-dev.txt

venv-peers: $(PEERS_ENV)/.complete ## Build .venv-peers, what Narad is measured against, from requirements-peers.txt

venv-openapi: $(OPENAPI_ENV)/.complete ## Build .venv-openapi, what calls Narad by its OpenAPI document alone

$(RUN_ENV)/.complete: requirements.txt pyproject.toml
$(DEV_ENV)/.complete: requirements-dev.txt pyproject.toml
$(PEERS_ENV)/.complete: requirements-peers.txt
$(OPENAPI_ENV)/.complete: requirements-openapi.txt

# An environment is made anew whenever its lock changes, and counts only once it is complete.
$(RUN_ENV)/.complete $(DEV_ENV)/.complete $(PEERS_ENV)/.complete $(OPENAPI_ENV)/.complete:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory .install-venv
	@echo "building $(@D) from $< (once; a minute or two)"
	@rm -rf $(@D)
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@case $(@D) in $(RUN_ENV)|$(DEV_ENV)) ;; *) exit 0 ;; esac; \
		$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# Debian's Python comes without the means to build an environment.
.PHONY: .install-venv
.install-venv:
	@package=$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing $$package"; \
		apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $$package; \
	else \
		echo "$(PYTHON) cannot build environments: install its venv module (Debian: $$package)" >&2; exit 1; \
	fi

check: venv-dev ## Check format, lint, types and import rules
	$(DEV)/ruff format --check .
	$(DEV)/ruff check .
	$(DEV)/mypy
	$(DEV)/lint-imports

format: venv-dev ## Format the code and mend what the linter can
	$(DEV)/ruff check --fix .
	$(DEV)/ruff format .

provision: ## Make sure that the servers the tests need are on this machine
	@$(PYTHON) -m tests.support.provision

test: venv-dev venv-openapi venv-peers provision ## Run the whole suite on private PostgreSQL and RabbitMQ servers
	$(DEV)/python -m tests.support.suite --parallel="$(PARALLEL)" $(ARGS)

test-versions: venv-dev venv-openapi venv-peers ## Run the suite on PostgreSQL 17 and RabbitMQ 4 (Debian, as root)
	@$(PYTHON) -m tests.support.versions
	NARAD_TEST_SERVERS=17/4 $(DEV)/python -m tests.support.suite --parallel="$(PARALLEL)" $(ARGS)

openapi: venv-dev ## Renew docs/openapi.json; a change that breaks clients is refused without ARGS=--breaking
	$(DEV)/python -m tests.support.openapi_snapshot $(ARGS)

messages: venv-dev ## Bring the catalogues of the dashboard's languages up to date; lists what is to be translated
	$(DEV)/python -m tests.support.catalogues

screenshots: venv-dev provision ## Renew the pictures of the dashboard in docs/images
	NARAD_TEST_RENEWS_PICTURES=1 $(DEV)/python -m pytest tests/browser/test_pictures.py

fuzz: venv-dev venv-openapi provision ## Call everything in the OpenAPI document, 5 000 times or more (SEED= repeats a run)
	NARAD_TEST_FUZZ_CALLS=5000 NARAD_TEST_FUZZ_SEED=$(SEED) $(DEV)/python -m pytest tests/acceptance/test_document_fuzz.py -s

bench: venv-dev venv-peers provision ## Measure it, about half an hour; ARGS="drain submit" chooses cases
	$(DEV)/python -m benchmarks $(ARGS)

bench-quick: venv-dev provision ## See that the benchmarks work; measures nothing worth keeping
	$(DEV)/python -m benchmarks --quick $(ARGS)

chaos: venv-dev provision ## Break everything at random under load (MINUTES=5, SEED= repeats an earlier run)
	@$(DEV)/python -m tests.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

lock: venv-dev ## Pin the dependencies anew (LOCK_FLAGS=--upgrade takes newer ones)
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) --extra dev pyproject.toml -o requirements-dev.txt
	$(COMPILE) benchmarks/requirements-peers.in -o requirements-peers.txt
	$(COMPILE) tests/requirements-openapi.in -o requirements-openapi.txt

images: venv-dev provision ## Build the container image and try it (Docker, or Debian as root)
	@PYTHON=$(DEV)/python deploy/images.sh

clean: ## Remove environments, caches and builds; the data in .narad stays
	rm -rf .venv .venv-dev .venv-peers .venv-openapi .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
