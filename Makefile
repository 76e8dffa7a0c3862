# Entry points. Each target makes the environments that it needs; a second call is quick.
PYTHON ?= python3
BOT := .venv/bot/bin/python
TRAIN := .venv/train/bin/python
DOCS := .venv/docs/bin/python
MAKE_ENV := $(PYTHON) configs/requirements/make_env.py

.PHONY: help demo demo-check tutorial-check test lint lock docs screenshots bench-%
.PHONY: env-bot env-train env-serve env-docs env-lmdeploy-cpu env-deepspeed

help:
	@echo "make demo         try the bot on this machine with a chat page, a CPU engine and the demo model"
	@echo "make demo-check   check the same without a page; the last line is one JSON object"
	@echo "make tutorial-check  run the camp's tutorial on the demo model with 24 made rows; the last line is one JSON object"
	@echo "make test         run all tests (browser tests if Chromium is installed)"
	@echo "make lint         run ruff and mypy"
	@echo "make bench-NAME   run benchmarks/NAME.py; the last line is one JSON object"
	@echo "make docs         build the site of docs/ in build/site/, with reference pages and plots"
	@echo "make screenshots  take the documentation's pictures anew (with Chromium)"
	@echo "make env-bot | env-train | env-serve   make one environment in .venv/"
	@echo "make lock         resolve pyproject.toml to the locks in configs/requirements/ (ARGS=--upgrade: newest versions)"

env-bot env-train env-serve env-docs env-lmdeploy-cpu env-deepspeed: env-%:
	@$(MAKE_ENV) $*

# LMDeploy's Python code for tests, put there by the train environment's pip.
env-lmdeploy-cpu: env-train

# DeepSpeed in the train environment, for training.deepspeed.
env-deepspeed: env-train

lock:
	$(PYTHON) configs/requirements/make_locks.py $(ARGS)

demo: env-bot env-train
	@.venv/bot/bin/jokebot demo

demo-check: env-bot env-train
	@.venv/bot/bin/jokebot demo --check

tutorial-check: env-bot env-train
	@$(TRAIN) -P benchmarks/tutorial.py --check

# Two environments, two runs at once; ARGS=--serial runs one after the other.
test: env-bot env-train env-lmdeploy-cpu
	@$(PYTHON) tests/run_environments.py $(ARGS)

# The pictures in docs/images, of demos that it starts; ARGS="--only chat" takes some of them.
screenshots: env-bot env-train
	@$(BOT) -P docs/screenshots.py $(ARGS)

docs: env-docs
	@$(DOCS) -m bot.cli.reference docs/reference
	@$(DOCS) -m benchmarks.page docs/reference
	@$(DOCS) -m zensical build --strict
	@echo "The site: build/site/index.html"

lint: env-bot
	$(BOT) -m ruff check .
	$(BOT) -m ruff format --check .
	$(BOT) -m mypy

# A benchmark names the environment it needs in its first lines: `# environment: train` (bot where it says nothing).
bench-%: env-bot env-train
	@$$(grep -q '^# environment: train' benchmarks/$*.py && echo $(TRAIN) || echo $(BOT)) -P benchmarks/$*.py $(ARGS)
