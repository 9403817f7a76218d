# Everything a person needs: `make song` sings, `make test` proves it. Both work from a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Each of the test processes computes on one core; more threads than cores only wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

.PHONY: song test check docs clean

song: $(VENV)/.installed
	$(BIN)/melisma compose "upbeat folk with acoustic guitar and flute" --duration 20 --seed 7 -o first-song.flac

test: $(VENV)/.installed-test
	$(PYTEST)

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST)

docs: $(VENV)/.installed-dev
	$(BIN)/mkdocs build --strict

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e ".[voice]"
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/pip install -q -c constraints.txt -e ".[test]"
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed-test
	$(BIN)/pip install -q -c constraints.txt -e ".[dev]"
	$(BIN)/pre-commit install
	touch $@

clean:
	rm -rf $(VENV) site build dist
