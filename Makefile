# Two commands do everything: `make reports` and `make test`. Each makes the environment if need be.

PYTHON ?= $(shell for python in python3.13 python3.12 python3.14 python3; do \
	if $$python -c 'import sys, venv; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; then echo $$python; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
export UV_PYTHON_DOWNLOADS := never
WORKERS ?= 2

.PHONY: reports worlds network test slow validate peers lab lock lint clean

reports: $(VENV)/.installed
	@$(BIN)/impl run

# Seven invented networks whose truth is known (parameters/worlds/); an hour or more.
worlds: $(VENV)/.installed
	@$(BIN)/impl run parameters/worlds/*.yaml

# Thirty invented evaluations with a known truth, as a project of its own: an hour or two, and then every report and page.
network: $(VENV)/.installed
	@test -d network || $(BIN)/impl simulate --network network
	@cd network && ../$(BIN)/impl run && ../$(BIN)/impl network

test: $(VENV)/.installed lint
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not slow and not validate"

lint: $(VENV)/.installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/nbstripout --keep-id --verify notebooks/*.ipynb

slow: $(VENV)/.installed
	$(BIN)/pytest -n $(WORKERS) --timeout 3600 -m slow

# ONLY=truth-table for one of the long studies; each can be stopped and goes on where it was.
validate: $(VENV)/.installed
	$(BIN)/pytest --timeout 0 -m validate $(if $(ONLY),-k $(subst -,_,$(ONLY)))

# Other programs on the same data; needs R with brms and glmmTMB (half an hour).
peers: $(VENV)/.installed
	@rm -f build/peers/*.json
	$(BIN)/pytest --timeout 0 -m validate tests/peers; status=$$?; $(BIN)/python tests/peers/tables.py && exit $$status

lab: $(VENV)/.installed
	$(BIN)/jupyter lab --notebook-dir=. --LabApp.default_url=/lab/tree/notebooks

# Names, versions and hashes for every platform; no index and no host.
lock: $(VENV)/.installed
	$(UV) pip compile --quiet --universal --generate-hashes --no-header --python-version 3.12 \
		--all-extras --output-file requirements.lock pyproject.toml

$(VENV)/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.12 or newer was found. Install one, or name it: make PYTHON=/path/to/python3.13 $(MAKECMDGOALS)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x "$(UV)" || { awk '/^uv==/ {keep=1} keep && /^[^ ]/ && !/^uv==/ {exit} keep' requirements.lock > $(VENV)/uv.txt && \
		$(BIN)/python -m pip install --quiet --require-hashes -r $(VENV)/uv.txt; }
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
