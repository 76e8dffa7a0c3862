# The CPU engine, in the train environment. PIP_EXTRA_INDEX_URL names the index of PyTorch's CPU builds, where pip needs it.
FROM python:3.11-slim-bookworm
ARG PIP_EXTRA_INDEX_URL=""
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /opt/jokebot
COPY pyproject.toml README.md ./
COPY configs configs
RUN python configs/requirements/make_env.py train
COPY storage storage
COPY trainer trainer
COPY bot bot
RUN useradd --uid 1000 --no-create-home jokebot
USER jokebot
ENV PATH=/opt/jokebot/.venv/train/bin:$PATH HOME=/tmp
CMD ["jokebot", "engine", "cpu", "/model", "--host", "0.0.0.0"]
