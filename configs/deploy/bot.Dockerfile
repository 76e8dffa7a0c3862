# The bot alone: no torch. Built from the repository's folder (configs/deploy/compose.yaml).
FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# Chinese in the pictures that admins get.
RUN apt-get update && apt-get install -y --no-install-recommends fonts-noto-cjk && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/jokebot
COPY configs/requirements/bot.txt configs/requirements/bot.txt
RUN pip install -r configs/requirements/bot.txt
COPY pyproject.toml README.md ./
COPY configs configs
COPY storage storage
COPY trainer trainer
COPY bot bot
# Editable, because settings and prompts are read from the program's own folder.
RUN pip install --no-deps -e . && useradd --uid 1000 --no-create-home jokebot && install -d -o jokebot -m 700 /data
USER jokebot
VOLUME /data
CMD ["jokebot", "run"]
