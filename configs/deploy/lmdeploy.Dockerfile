# LMDeploy as locked. The CUDA libraries come with PyTorch's wheels, the driver from the host (NVIDIA's container toolkit).
FROM python:3.11-slim-bookworm
# Triton compiles its launchers with the system's C compiler, at run time.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    HOME=/cache TRITON_CACHE_DIR=/cache/triton HF_HUB_OFFLINE=1 NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY configs/requirements/serve.txt /tmp/serve.txt
RUN pip install -r /tmp/serve.txt && useradd --uid 1000 --no-create-home jokebot && install -d -o jokebot /cache
# The launcher and what it registers in LMDeploy import nothing else of ours.
COPY bot/__init__.py /app/bot/__init__.py
COPY bot/engine/__init__.py /app/bot/engine/__init__.py
COPY bot/engine/lmdeploy /app/bot/engine/lmdeploy
WORKDIR /app
USER jokebot
VOLUME /cache
EXPOSE 23333
