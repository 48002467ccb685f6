# `make run` and `make test` are all one needs; both set up what is missing.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
ONLY ?= tests
SIDE_BY_SIDE = $(if $(WORKERS),--workers $(WORKERS))

.PHONY: run test thorough quick browsers slow-line lint docs bundle languages bench page icons churn fuzz drill screenshot vendor clean

run: $(VENV)/run.ready
	@exec $(BIN)/python -m app

# Not compiled: what is imported compiles itself, and that is a part of it.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement requirements.txt

# `from parlor import Client` finds this folder's.
FIND_US = printf '%s\n' "$(CURDIR)" "$(CURDIR)/app/tools/library" \
	> "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/parlor.pth"

$(VENV)/run.ready: requirements.txt | $(BIN)/python
	@$(INSTALL)
	@$(FIND_US)
	@touch $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Parlor needs Python 3.11 or later; none was found. Name one: make run PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# pip and npm beside each other.
$(VENV)/test.ready: requirements.txt tests/requirements.txt tests/js/package-lock.json | $(BIN)/python
	@sh tests/packages.sh
	@if command -v npm >/dev/null; then (cd tests/js && exec npm ci --silent --no-audit --no-fund) & npm=$$!; fi; \
	$(INSTALL) --requirement tests/requirements.txt && wait $$npm
	@$(FIND_US)
	@touch $(VENV)/run.ready $@

# Everything: style, types, rules, sockets, browsers, the browser's own modules; in WORKERS processes side by side.
# ONLY= a folder, a file or one test: ONLY=tests/chat, ONLY=tests/js, ONLY=tests/chat/test_rooms.py::test_a_name.
test: $(VENV)/test.ready
	$(BIN)/python -m tests --lint $(SIDE_BY_SIDE) $(ONLY)

# All of it, with what CI leaves out: the same on the other transport, more of the same kind. Twice as long.
thorough: $(VENV)/test.ready
	THOROUGH=1 $(BIN)/python -m tests --lint $(SIDE_BY_SIDE) $(ONLY)

# What one runs after each change: under a minute, no browsers.
quick: $(VENV)/test.ready
	$(BIN)/python -m tests --lint $(SIDE_BY_SIDE) --marked "not slow" $(ONLY)

# What is driven by a real browser.
browsers: $(VENV)/test.ready
	$(BIN)/python -m tests $(SIDE_BY_SIDE) --marked browsers $(ONLY)

# The same, where every second visitor has a slow line (ms each way): what a test or the page takes for granted shows.
slow-line: $(VENV)/test.ready
	SLOW_LINE=$(or $(MS),300) $(BIN)/python -m tests $(SIDE_BY_SIDE) --marked browsers $(ONLY)

lint: $(VENV)/test.ready
	$(BIN)/python -m tests.lint

# docs/protocol.md and docs/settings.md, from the code.
docs: $(VENV)/run.ready
	$(BIN)/python -m docs.make

# static/bundle: what pages load, from static/js.
bundle: $(VENV)/test.ready
	$(BIN)/python -m tests.bundle

# app/languages/*.po, from the sentences in the code, and static/languages, from those.
languages: $(VENV)/test.ready
	$(BIN)/python -m tests.languages

bench: $(VENV)/test.ready
	$(BIN)/python -m tests.bench

# What a first visit weighs and how long it takes on a slow network; also written to docs/speed.md.
page: $(VENV)/test.ready
	$(BIN)/python -m tests.bench.first_visit --write-docs
	$(BIN)/python -m tests.bench.page

# static/icon-*.png and static/preview.png, from static/favicon.svg.
icons: $(VENV)/test.ready
	$(BIN)/python -m docs.icons

# An hour of people who come and go: what is left of them, and whether the last cost what the first did. MINUTES=10 for less.
churn: $(VENV)/test.ready
	$(BIN)/python -m tests.churn --minutes $(or $(MINUTES),60)

# 1,000,000 packets, right and wrong, at the engine alone and at the whole chat; a short run of it is part of `test`.
fuzz: $(VENV)/test.ready
	$(BIN)/python -m tests.fuzz --packets 1000000

# Everything that breaks, at length: 200 kills, a minute of standing still, 1,000 who come back. ONLY=kills for one drill.
drill: $(VENV)/test.ready
	$(BIN)/python -m tests.faults --kills $(or $(KILLS),200) $(if $(filter-out tests,$(ONLY)),--only $(ONLY))

# docs/screenshot-*.png: a conversation between real browsers.
screenshot: $(VENV)/test.ready
	$(BIN)/python -m docs.screenshot

# Third-party browser code and data: as published, with licence, version and checksums.
vendor:
	sh static/vendor/fetch.sh socket.io-client 4.8.4 dist/socket.io.esm.min.js
	sh static/vendor/fetch.sh emojibase-data 17.0.0 en/compact.json en/shortcodes/emojibase.json en/shortcodes/github.json
	sh static/vendor/fetch.sh cldr-annotations-full 48.2.0 $(foreach of,ar de es fr,annotations/$(of)/annotations.json=$(of).json)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache tests/js/node_modules
