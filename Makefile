# Two commands on a fresh machine that has python3 (3.11 to 3.13) and make:
#   make demo    environment, a small grid, its table and figures
#   make test    environment, the tests that take seconds: five minutes on two cores
# Also: make test-slow (the tests marked slow: trainings, worker processes, clusters; eight minutes),
# make test-all (both; twelve minutes), make gallery (all figures, tables and the report of some rows),
# make setup (the environment alone, in .venv), make lint, make clean.

PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)

# Wheel folders that pip is told of (say, with a CPU build of torch) serve uv as well.
empty :=
comma := ,
PIP_LINKS := $(or $(PIP_FIND_LINKS),$(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null))
export UV_FIND_LINKS ?= $(subst $(empty) $(empty),$(comma),$(strip $(PIP_LINKS)))

DEMO := runs/demo

# The rows that `make gallery` draws, and where figures, tables and report go. For other rows:
# make gallery ROWS=runs/paper GALLERY=runs/paper/gallery MAIN="-n 10000" ONE_TASK="-t sir" BUDGETS="-t sir -t slcp"
# MAIN is what tables and figures of many tasks show, ONE_TASK the figures of samples and the curves of
# calibration, BUDGETS the figures over several budgets. The report shows all rows.
ROWS := results/standard
GALLERY := results/gallery
MAIN := -n 1000
ONE_TASK := -t two_moons -n 1000 -m npe -m exact_score_net -m one_pass
BUDGETS := -t two_moons -t slcp -t sir \
	-m npe -m exact_score -m exact_score_net -m one_pass -m inflationary -m rejection_abc

# Each of the two workers begins with one half of the files, so that fixtures of a file are mostly made once; the
# one that is done first takes over tests of the other.
PYTEST := .venv/bin/python -m pytest -n 2 --dist worksteal -q

.PHONY: demo test test-slow test-all gallery setup lint clean

# --inexact keeps packages that a user has added to the environment.
setup: .venv/.ready

.venv/.ready: pyproject.toml
	@command -v $(UV) >/dev/null 2>&1 || { echo "uv is missing: putting it into .uv"; \
		$(PYTHON) -m venv .uv && .uv/bin/pip install --quiet uv; }
	$(UV) sync --inexact --quiet --python $(PYTHON)
	@touch $@

demo: setup
	.venv/bin/scorebench run bench/grids/demo.yaml --out $(DEMO) --jobs 2
	.venv/bin/scorebench table $(DEMO)
	.venv/bin/scorebench plot $(DEMO)

test: setup
	$(PYTEST) -m "not slow"

test-slow: setup
	$(PYTEST) -m slow

test-all: setup
	$(PYTEST)

gallery: setup
	mkdir -p $(GALLERY)
	.venv/bin/scorebench plot $(ROWS) $(MAIN) --format png --caption --out $(GALLERY)
	.venv/bin/scorebench plot $(ROWS) $(MAIN) --format png --width 3.3 --out $(GALLERY)/column
	.venv/bin/scorebench plot $(ROWS) posterior predictive $(ONE_TASK) --format png --caption --out $(GALLERY)
	.venv/bin/scorebench plot $(ROWS) posterior predictive $(ONE_TASK) --format png --width 3.3 --out $(GALLERY)/column
	.venv/bin/scorebench plot $(ROWS) calibration $(ONE_TASK) --format png --caption --out $(GALLERY)/one_task
	.venv/bin/scorebench plot $(ROWS) $(BUDGETS) --format png --caption --out $(GALLERY)/budgets
	.venv/bin/scorebench plot $(ROWS) $(BUDGETS) --format png --width 3.3 --out $(GALLERY)/budgets/column
	.venv/bin/scorebench table $(ROWS) $(MAIN) --pivot method×task --format markdown >$(GALLERY)/pivot.md
	.venv/bin/scorebench table $(ROWS) $(MAIN) --ranks --format markdown >$(GALLERY)/ranks.md
	.venv/bin/scorebench report $(ROWS) --out $(GALLERY)/report.html --title "scorebench: an example report"

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

clean:
	rm -rf .venv .uv dist build
