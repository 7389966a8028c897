# bmseg: every target makes the environment (.venv) first when it is missing.
PYTHON    ?= python3
WORKSPACE ?= workspace
PROFILE   ?= quick
SEED      ?= 2022
# Networks of each method in 'make seeds', of SEED and the seeds that follow.
SEEDS     ?= 3
# What is trained and compared; 'bmseg methods' lists all.
METHODS   ?= nnunet unet
# One network a fold, as 0 or 0-4; all: one network on every training exam.
FOLDS     ?= 0
# Empty: the profile's own number of epochs.
EPOCHS    ?=
# Where 'make annotate' works, how many exams are segmented when it begins, and which method draws; the
# study's rounds were drawn by a U-Net.
ROUNDS    ?= workspaces/annotation
SEGMENTED ?= 8
DRAWS     ?= unet
# Processes that run tests side by side.
JOBS      ?= 3

BIN       := .venv/bin
INSTALLED := .venv/.installed
BMSEG     := $(BIN)/bmseg
STAGES    := data plan train predict evaluate compare report leaderboard
BOARD     := $(BMSEG) leaderboard
# Threads that wait for each other would take what the tests beside them need; and without bytecode each of
# the processes that tests start would compile all of bmseg anew.
TESTS     := PYTHONDONTWRITEBYTECODE= OPENBLAS_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder
RUN       := --workspace $(WORKSPACE) --profile $(PROFILE)
CODE      := bmseg dataset_conversion evaluation tests benchmarks docs

.DEFAULT_GOAL := help
# Trainings side by side would take each other's cores.
.NOTPARALLEL:
.PHONY: help setup reproduce $(STAGES) baseline seeds evaluate annotate test test-fast lint style format docs bench calibrate constraints clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  variables: WORKSPACE=$(WORKSPACE) PROFILE=$(PROFILE) (quick or full) METHODS='$(METHODS)' FOLDS=$(FOLDS) SEED=$(SEED) SEEDS=$(SEEDS) EPOCHS=$(EPOCHS) ROUNDS=$(ROUNDS) SEGMENTED=$(SEGMENTED) DRAWS=$(DRAWS) JOBS=$(JOBS) PYTHON=$(PYTHON)"

setup: $(INSTALLED)  ## create .venv and install bmseg with everything

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bmseg needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[train,tensorboard,dicom,docs,dev]'
	@touch $@

reproduce: setup  ## the whole run: synthetic cohort, nnU-Net and U-Net, scores, comparison, report, board
	@for stage in $(STAGES); do $(MAKE) --no-print-directory $$stage || exit $$?; done
	@$(BMSEG) status --workspace $(WORKSPACE)

data: setup  ## make the synthetic cohort
	$(BMSEG) phantom $(RUN) --seed $(SEED)

plan: setup  ## nnU-Net: plan the 2d configuration, preprocess
	$(BMSEG) plan $(RUN)

train: $(METHODS:%=train-%)  ## train METHODS

train-%: setup
	$(BMSEG) train $* $(RUN) --folds $(FOLDS) --seed $(SEED) $(if $(EPOCHS),--epochs $(EPOCHS))

predict: $(METHODS:%=predict-%)  ## predict the test exams with METHODS

predict-%: setup
	$(BMSEG) predict $* $(RUN)

baseline: train-unet predict-unet  ## train and predict with the vanilla U-Net alone

seeds: data plan  ## METHODS x SEEDS: a network a seed; methods compared with the spread between seeds
	@for method in $(METHODS); do \
	  $(BMSEG) train $$method $(RUN) --folds $(FOLDS) --seed $(SEED) --seeds $(SEEDS) $(if $(EPOCHS),--epochs $(EPOCHS)) || exit $$?; \
	  $(BMSEG) predict $$method $(RUN) --seeds $(SEEDS) || exit $$?; \
	done
	@for stage in evaluate compare report; do $(MAKE) --no-print-directory $$stage || exit $$?; done

evaluate: setup  ## consensus, Dice, Table 1, figures
	$(BMSEG) evaluate --workspace $(WORKSPACE)

compare: setup  ## print the methods beside the readers, their differences and costs
	$(BMSEG) compare --workspace $(WORKSPACE)

report: setup  ## the one-page report
	$(BMSEG) report --workspace $(WORKSPACE)

leaderboard: setup  ## the board: readers, METHODS and simulated teams, ranked, as a static site
	$(BOARD) init --workspace $(WORKSPACE) --overlays --viewer
	@for method in $(METHODS); do \
	  $(BOARD) add $$method $(WORKSPACE)/predictions/$$method --workspace $(WORKSPACE) --method "bmseg train $$method" || exit $$?; \
	done
	$(BOARD) simulate --workspace $(WORKSPACE) --seed $(SEED)
	$(BOARD) build --workspace $(WORKSPACE)
	$(BOARD) verify --workspace $(WORKSPACE)

annotate: setup  ## three rounds of segmentation with a model's help: SEGMENTED exams, then 8 a round
	$(BMSEG) phantom --workspace $(ROUNDS) --profile $(PROFILE) --seed $(SEED) --segmented $(SEGMENTED)
	$(BMSEG) annotate start --workspace $(ROUNDS) --seed $(SEED)
	@for round in 1 2 3; do \
	  $(BMSEG) annotate propose --workspace $(ROUNDS) --profile $(PROFILE) --method $(DRAWS) --round $$round --next 8 $(if $(EPOCHS),--epochs $(EPOCHS)) || exit $$?; \
	  $(BMSEG) annotate simulate --workspace $(ROUNDS) --round $$round || exit $$?; \
	  $(BMSEG) annotate accept --workspace $(ROUNDS) --round $$round || exit $$?; \
	done
	$(BMSEG) annotate status --workspace $(ROUNDS)

# Types are checked beside the tests, and shown after them.
test: style  ## lint, types and all tests
	@types=$$(mktemp); $(BIN)/mypy >$$types 2>&1 & checks=$$!; \
	$(TESTS) --durations 15; tested=$$?; \
	wait $$checks; checked=$$?; cat $$types; rm -f $$types; exit $$((tested || checked))

test-fast: setup  ## the tests that take seconds
	$(TESTS) -m "not slow"

lint: style  ## ruff and mypy
	$(BIN)/mypy

style: setup
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

format: setup  ## let ruff format the code
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

docs: setup  ## the documentation as a site: build/docs/html/index.html
	@rm -rf build/docs  # parts of pages come from the code, whose changes Sphinx does not see
	$(BIN)/sphinx-build -W --keep-going -q -b html -d build/docs/doctrees docs build/docs/html
	@echo "written: build/docs/html/index.html; open it from disk"

bench: setup  ## measure speed, rules and verdicts; write benchmarks/RESULTS.md (a part: python -m benchmarks PART)
	$(BIN)/python -m benchmarks

calibrate: setup  ## tune the synthetic readers to the published Table 1, rewrite them, print both
	$(BIN)/python -m bmseg.cohort.calibrate

constraints: setup  ## write the installed versions to constraints.txt
	@head -n 1 constraints.txt > constraints.new
	$(BIN)/pip freeze --exclude-editable >> constraints.new
	mv constraints.new constraints.txt

clean:  ## remove the workspace and caches; .venv stays
	rm -rf $(WORKSPACE) .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
