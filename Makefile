# 邻里 linli. `make run` tries it, `make test` proves it. Works with GNU make from 3.81 on.

.PHONY: help setup run test torture load bench lint messages
.DEFAULT_GOAL := help

PYTHON := .venv/bin/python

help:
	@echo "make setup  install what is needed here, and nothing else (quick when nothing is missing)"
	@echo "make run    set up, load the demo place, serve on http://127.0.0.1:8000 until Ctrl-C"
	@echo "make test   set up, run every test, the browser's too   (ARGS='-k grids' for some)"
	@echo "make torture  set up, kill everything at random moments 200 times, check that nothing is lost (ARGS='--kills 20 --seed 7')"
	@echo "make load   set up, 50 workers reading and writing files at once for a minute"
	@echo "make bench  set up, run the benchmarks, print ratios"
	@echo "make lint   set up, check style and types"
	@echo "make messages  bring the catalogues of translations up to date, say what is left to translate"

setup:
	@scripts/setup

run:
	@scripts/setup
	@exec .venv/bin/linli serve --demo

test:
	@scripts/setup --test
	@PATH="$(CURDIR)/.venv/bin:$$PATH" $(PYTHON) -m pytest $(ARGS)

torture:
	@scripts/setup --test
	@PATH="$(CURDIR)/.venv/bin:$$PATH" $(PYTHON) -m tests.torture $(ARGS)

load:
	@scripts/setup --test
	@LOAD_TEST_S=60 $(PYTHON) -m pytest -s tests/api/test_load.py $(ARGS)

bench:
	@scripts/setup --bench
	@$(PYTHON) -m benchmarks $(ARGS)

lint:
	@scripts/setup
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy

messages:
	@scripts/setup
	@$(PYTHON) -m api.messages
