# Everything works with nothing but Python 3.11+, make and the package index:
#   make demo    see it work: three gateways, a client, and a base URL that dies in the middle
#   make test    the whole test suite
#   make check   lint, format, types, import contracts, generated files
#   make help    the rest

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test check lint format types contracts generate generated clean soak soak-facade bench bench-peers bench-facade bench-failover instructions

help:  ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "nexevo needs Python 3.11 or newer; this is %s. Name another one: make PYTHON=python3.12 ..." % sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[cli,speed,tls]' --group dev
	@touch $(READY)

demo: $(READY)  ## See it work, in under a minute; no key, no network
	@$(BIN)/nexevo demo

test: $(READY)  ## The whole test suite
	@$(BIN)/python -m pytest

soak: $(READY)  ## Ten minutes of chaos with a seed, then a minute of it for the blocking client: nothing lost, nothing twice, nothing left
	@$(BIN)/python -m benchmarks.soak --seconds 600
	@$(BIN)/python -m tests.sync.soak --seconds 60

soak-facade: $(READY)  ## The blocking client alone: 64 threads, forks, Ctrl-C and closes for a minute
	@$(BIN)/python -m tests.sync.soak --seconds 60

bench-failover: $(READY)  ## Lose a base, in every way: the goals of high availability, with other clients beside ours
	@$(BIN)/python -m benchmarks.bench_failover
	@$(BIN)/python -m benchmarks.bench_failover --tls --delay 50 --no-peers

bench: $(READY)  ## Every benchmark, beside the peers that are installed: plain, over TLS, on the newest Python; half an hour
	@$(BIN)/python -m benchmarks.run
	@$(BIN)/python -m benchmarks.run --tls
	@$(BIN)/python -m benchmarks.run --python newest
	@$(BIN)/python -m benchmarks.report

bench-peers: $(READY)  ## Install the peers of the benchmarks, in environments of their own
	@$(BIN)/python -m benchmarks.peers.install

instructions: $(READY)  ## Fail if a scenario costs 3 % more instructions than recorded (valgrind)
	@$(BIN)/python -m benchmarks.instructions

bench-facade: $(READY)  ## The blocking client beside other blocking clients
	@$(BIN)/python -m benchmarks.run --only crossing,facade,facade-stream,first-call

check: lint types contracts generated instructions  ## Lint, format, types, contracts, generated files, instruction counts

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(READY)  ## Put the code into the one form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(READY)
	@$(BIN)/mypy
	@$(BIN)/basedpyright

contracts: $(READY)
	@$(BIN)/lint-imports

generated: $(READY)
	@$(BIN)/python tools/draw_health.py --check
	@$(BIN)/python tools/write_raw.py --check
	@$(BIN)/python tools/write_reference.py --check
	@$(BIN)/python tools/generate_sync.py --check

generate: $(READY)  ## Write generated files anew
	@$(BIN)/python tools/draw_health.py
	@$(BIN)/python tools/write_raw.py
	@$(BIN)/python tools/write_reference.py
	@$(BIN)/python tools/generate_sync.py

clean:  ## Remove what make made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
