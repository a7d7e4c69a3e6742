# SPDX-License-Identifier: GPL-3.0-or-later
# Everything that a checkout can do. A machine needs Python 3.11, pip and make; each target sets up the rest
# under .venv/, once. Blender 5.2 also needs Python 3.13 and is left out, with a word, where there is none.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PYTHON_313 := $(shell $(PYTHON) tools/environment.py --python 3.13)

BLENDERS := 4.2 4.5 5.0 $(if $(PYTHON_313),5.2)
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' core/contrapposto/__init__.py)
ZIP := dist/contrapposto-$(VERSION).zip
SOURCES := $(shell git ls-files --cached --others --exclude-standard \
    blender_manifest.toml __init__.py LICENSE README.md CHANGELOG.md docs/licences.md docs/apache-2.0.txt \
    addon operators panels scripts core)
LOGS := build/test

DEV := .venv/dev/bin/python
PYTEST := -m pytest -q

help:
	@echo "make demo    build the extension, complete a pose with it in Blender, render build/demo/complete_pose.png"
	@echo "make test    lint and every test that needs no window: core, oldest NumPy, Blender $(BLENDERS), packaging"
	@echo "make zip     build $(ZIP)"
	@echo "make dev     set up .venv/dev: core, torch and the tools of tests, training and evaluation"
	@echo "also: demo-denoise, demo-samples, demo-unusual, demo-fit, body, lint, test-core, test-workshop, test-oldest, test-blender, test-fuzz, test-endurance,"
	@echo "      test-packaging, test-window, window, repository, clean"

.venv/%/.ready: requirements/%.txt tools/environment.py
	@$(PYTHON) tools/environment.py $*
.venv/dev/.ready: requirements/torch.txt core/pyproject.toml
.venv/bake/.ready: requirements/torch.txt
.PRECIOUS: .venv/%/.ready

dev: .venv/dev/.ready
	@echo "$(DEV) -m contrapposto --help"

zip: $(ZIP)
$(ZIP): tools/build_extension.py $(filter-out %.pyc,$(SOURCES)) | .venv/bpy-4.5/.ready
	@.venv/bpy-4.5/bin/python tools/build_extension.py

# With UPDATE=1 the picture also becomes that of the README.
demo: $(ZIP)
	@.venv/bpy-4.5/bin/python demo/run.py --extension $(ZIP) --output build/demo
	@$(if $(filter 1,$(UPDATE)),cp build/demo/complete_pose.png docs/images/)

# Denoise Mocap on a bad capture of a person whom it does not know, as figures and as a curve; needs the motion data.
SHARED := $(or $(CONTRAPPOSTO_SHARED),../shared)
DATA ?= $(SHARED)/data/mocap
PICTURES := $(if $(filter 1,$(UPDATE)),docs/images,build/demo)
demo-denoise: $(ZIP)
	@PYTHONPATH=core .venv/bpy-4.5/bin/python demo/denoise.py --extension $(ZIP) --data $(DATA) --output $(PICTURES)

# Contact sheets of sampled poses; each character has a Blender of its own. The Unreal-style one is a file of ../shared,
# and comes first: without it, nothing is drawn.
demo-samples: .venv/bpy-4.5/.ready
	@mkdir -p $(PICTURES)
	@for character in unreal rigify mixamo; do \
	    PYTHONPATH=core .venv/bpy-4.5/bin/python demo/samples.py $$character \
	        --output $(PICTURES)/sample_poses_$$character.png || exit 1; done

# Poses that no recording has, half of each hidden and completed, as one sheet; needs the motion data.
demo-unusual: .venv/bpy-4.5/.ready
	@mkdir -p $(PICTURES)
	@PYTHONPATH=core .venv/bpy-4.5/bin/python demo/unusual.py --data $(DATA) --output $(PICTURES)/unusual_poses.png

# Fitted bodies over keypoints of real footage, which is data of ../shared.
FOOTAGE ?= $(SHARED)/data/footage/pose2sim-single
demo-fit: .venv/bpy-4.5/.ready
	@mkdir -p $(PICTURES)
	@PYTHONPATH=core .venv/bpy-4.5/bin/python demo/fit_body.py --footage $(FOOTAGE) --output $(PICTURES)

# The default body, baked anew from MakeHuman's data; its card, default.md, is written by hand.
body: .venv/bake/.ready
	@PYTHONPATH=core .venv/bake/bin/python tools/bake_body

# The default run ends with the summary line of each lane once more, so that all of them are in sight. The lanes of
# core take one processor each and run two at a time; those of Blender take all of them by themselves.
test: lint
	@OMP_NUM_THREADS=1 $(MAKE) --no-print-directory --jobs=2 --output-sync=target test-workshop test-core test-oldest
	@$(MAKE) --no-print-directory test-blender test-packaging
	@echo; for lane in core workshop oldest $(BLENDERS:%=bpy-%) packaging; do \
	    printf '%-10s ' $$lane; tail -n 1 $(LOGS)/$$lane.log; done
	@$(if $(PYTHON_313),,echo "bpy-5.2    skipped: no Python 3.13 on PATH or under ~/.pyenv/versions")

lint: .venv/dev/.ready
	@.venv/dev/bin/ruff check .
	@.venv/dev/bin/ruff format --check .
	@.venv/dev/bin/pyright

$(LOGS):
	@mkdir -p $@

# Training and evaluation are tools of developers, never run inside Blender. The oldest NumPy is not asked of them, nor
# of the command lines around tasks.
WORKSHOP := tests/core/test_evaluation* tests/core/test_training*
COMMANDS := tests/core/test_*_command.py

test-core: .venv/dev/.ready | $(LOGS)
	@$(DEV) $(PYTEST) tests/core $(WORKSHOP:%=--ignore-glob="%") 2>&1 | tee $(LOGS)/core.log

test-workshop: .venv/dev/.ready | $(LOGS)
	@$(DEV) $(PYTEST) $(wildcard $(WORKSHOP)) 2>&1 | tee $(LOGS)/workshop.log

test-oldest: .venv/oldest/.ready | $(LOGS)
	@.venv/oldest/bin/python $(PYTEST) tests/core $(patsubst %,--ignore-glob="%",$(WORKSHOP) $(COMMANDS)) 2>&1 | \
	    tee $(LOGS)/oldest.log

test-blender: $(BLENDERS:%=test-blender-%)
	@$(if $(PYTHON_313),,echo "Blender 5.2 skipped: no Python 3.13 on PATH or under ~/.pyenv/versions")

# Each file of tests has a Blender of its own, so that what one leaves behind cannot reach another. ALL=1 also runs
# those files in this Blender that another version stands for (tests/blender/run.py says which).
test-blender-%: .venv/bpy-%/.ready | $(LOGS)
	@echo "Blender $*"
	@.venv/bpy-$*/bin/python tests/blender/run.py $(if $(ALL),--all) 2>&1 | tee $(LOGS)/bpy-$*.log

# A thousand actions damaged at random, through the operator; FUZZ=N takes another number.
FUZZ ?= 1000
test-fuzz: .venv/bpy-4.5/.ready
	@CONTRAPPOSTO_FUZZ=$(FUZZ) .venv/bpy-4.5/bin/python $(PYTEST) tests/blender/test_denoise_mocap_damaged.py

# A long day in one Blender: 100 times off and on, 1,000 runs of Complete Pose, and the memory printed.
test-endurance: .venv/bpy-4.5/.ready
	@CONTRAPPOSTO_ENDURANCE=1 .venv/bpy-4.5/bin/python $(PYTEST) -s tests/blender/test_endurance.py | grep -v '^Info:'

test-packaging: $(ZIP) .venv/dev/.ready $(BLENDERS:%=.venv/bpy-%/.ready) | $(LOGS)
	@$(DEV) $(PYTEST) tests/packaging 2>&1 | tee $(LOGS)/packaging.log

# What studios put on a server of their own: the zip and an index.json that Blender's repositories are read from.
repository: $(ZIP)
	@.venv/bpy-4.5/bin/python tools/build_extension.py --repository build/repository

# Needs root, a screen is not needed: REAL_BLENDER names the script that runs a windowed Blender under Xvfb.
# SUITE names another Blender of that script, STAGES some of "arrival press tour assets denoise" (tests/window/run.sh
# says what they are). The pictures stay in build/window; with UPDATE=1 they also become those of the docs.
REAL_BLENDER ?= $(SHARED)/tools/real-blender.sh
test-window: $(ZIP) .venv/dev/.ready
	@tests/window/run.sh $(REAL_BLENDER) $(ZIP) $(DEV)

# The same on each real Blender that can be had here: SUITES names those of the script, the first without a name.
SUITES ?= trixie sid
window: $(ZIP) .venv/dev/.ready
	@tests/window/both.sh $(REAL_BLENDER) $(ZIP) $(DEV) $(SUITES)

clean:
	rm -rf build dist wheels core/build core/*.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

.PHONY: help dev zip demo demo-denoise demo-samples demo-unusual demo-fit body test lint test-core test-workshop test-oldest test-blender test-fuzz \
    test-endurance test-packaging test-window window repository clean
