# Everything happens in .venv. Another interpreter: make PYTHON=python3.12 demo
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt
# A process a core; the tests of a file share fixtures that train models.
EACH_CORE := --numprocesses auto --dist loadfile

.PHONY: help demo test check soak bench-quick lint clean

help:
	@echo "make demo    install moldiff into .venv, and generate 100 molecules that meet two goals"
	@echo "make test    install for development into .venv, then linters, types, layers and all tests"
	@echo "make check   the fast part of make test, without installing"
	@echo "make soak    kill and resume runs ten times as often, and draw twenty times as many random inputs"
	@echo "make bench-quick   remake a small frontier with the bundled model, under 10 minutes on two cores"
	@echo "make clean   remove .venv and everything that was built"

$(BIN)/python:
	$(PYTHON) -m venv .venv

# build/ is removed first, because a module that is gone from the source would be installed again from there.
demo: $(BIN)/python
	rm -rf build
	$(INSTALL) .
	$(BIN)/moldiff generate --goal "rings>=3" --goal "logP=1.0±0.3" --only-hits -n 100 -o out/demo

test: $(BIN)/python
	$(INSTALL) --editable ".[test]"
	$(MAKE) lint
	$(BIN)/python -m pytest $(EACH_CORE) --doctest-modules --durations=15 --pyargs moldiff tests

check: lint
	$(BIN)/python -m pytest $(EACH_CORE) -m "not slow" tests

soak:
	MOLDIFF_SOAK=1 $(BIN)/python -m pytest --durations=15 $$(grep -l "from soak import" tests/*.py tests/*/*.py)

bench-quick: $(BIN)/python
	$(INSTALL) .
	$(BIN)/moldiff bench qm9-quick --workers 2 -o out/bench-quick

lint:
	$(BIN)/ruff check .
	$(BIN)/mypy -p moldiff
	$(BIN)/lint-imports

clean:
	rm -rf .venv build dist *.egg-info
