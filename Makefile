# make train: environment, data, world model, report, on a machine that has only Python 3.11 and make.
PYTHON ?= $(shell python3.11 -c 'import sys; print(sys.executable)' 2>/dev/null || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
# settings for make train: make train ARGS="--config debug"
ARGS ?=
INSTALLED := $(VENV)/.installed

.PHONY: train test faults soak fuzz lint browser

train: $(INSTALLED)
	$(BIN)/python scripts/train_wm.py $(ARGS)

test: $(INSTALLED)
	$(BIN)/python -m pytest -n auto

# Every point at which a job can be killed, where make test takes a few: some twenty minutes.
faults: $(INSTALLED)
	FAULTS=all $(BIN)/python -m pytest -s tests/faults

# Hours: 20,000 updates and 200,000 real steps, watched for what grows; writes soak/soak.json and soak/soak.png.
soak: $(INSTALLED)
	$(BIN)/python tests/faults/soak.py

# Hostile settings and damaged files, fresh ones round after round; any that is not refused in one line ends it.
FUZZ_SECONDS ?= 3600
FUZZ_EXAMPLES ?= 1000
fuzz: $(INSTALLED)
	end=$$(($$(date +%s) + $(FUZZ_SECONDS))); \
	while [ $$(date +%s) -lt $$end ]; do \
		FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest -q --hypothesis-seed=random tests/fuzz || exit 1; \
	done

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy rssm agents scripts

# What the tests of the exported page run in, from Debian's packages; without it they are skipped.
browser:
	apt-get update && apt-get install --yes --no-install-recommends chromium

# Built once, and again when what it was built from changes.
$(INSTALLED): setup.cfg setup.py pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV): a minute or two, most of it torch"
	$(BIN)/python -m pip install -c constraints.txt -e ".[dev]"
	touch $@
