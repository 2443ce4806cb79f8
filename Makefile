# make demo    the quick suite on the built-in data set, then its table
# make test    formatting, lint, types and tests
# make long    the tests that take longer: every run of the paper's tables in miniature
# make chaos   trainings that go on while processes, nodes and disks fail: some minutes, alone
# make docs    the site, below docs/_build/html; a warning stops it
# make bench   every benchmark in a quick form: benchmarks/results.md; minutes, alone
# make wheelhouse   wheels for a machine without a network, into wheelhouse/
# make setup   .venv alone; the others do it first, and it does nothing once it's done
#
# PYTHON=/path/to/python3.12 chooses the interpreter that .venv is made from.

PY := .venv/bin/python

.PHONY: setup demo test long chaos docs bench wheelhouse

setup:
	@sh tools/setup.sh

demo: setup
	$(PY) run_benchmark.py

# One thread a test process: two of them share the cores already.
test: export OMP_NUM_THREADS := 1
test: setup
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m pytest -n 2

long: export OMP_NUM_THREADS := 1
long: setup
	$(PY) -m pytest -m long

chaos: export OMP_NUM_THREADS := 1
chaos: setup
	$(PY) -m pytest -m chaos tests/chaos

docs: setup
	$(PY) -m sphinx -W --keep-going -b html docs docs/_build/html

bench: setup
	$(PY) benchmarks/run_all.py --write benchmarks/results.md

wheelhouse:
	@sh tools/wheelhouse.sh
