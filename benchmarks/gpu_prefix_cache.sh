#!/usr/bin/env bash
# On one GPU: whether photos found in the prefix cache change a reply (benchmarks/prefix_cache.py), with the demo model.
#
#   benchmarks/gpu_prefix_cache.sh [CHECKPOINT]
#
# SERVE_PYTHON: a Python with lmdeploy 0.18 (default: .venv/serve). PYTHON: one with openai and pillow (default:
# .venv/bot). SERVE_PATH and BOT_PATH are their PYTHONPATH.
set -uo pipefail
cd "$(dirname "$0")/.."
model=${1:-configs/demo-model/checkpoint} keep=${OUT:-/tmp} logs=${TMPDIR:-/tmp} started=$SECONDS
serve=${SERVE_PYTHON:-.venv/serve/bin/python} python=${PYTHON:-.venv/bot/bin/python}
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1
servers=()
trap 'kill "${servers[@]}" 2>/dev/null; wait' EXIT

start() {
    local port=$1
    shift
    OMP_NUM_THREADS=1 PYTHONPATH=${SERVE_PATH:+$SERVE_PATH:}. "$serve" -m bot.engine.lmdeploy.launcher "$model" "$@" \
        --backend pytorch --trust-remote-code --server-name 127.0.0.1 --server-port "$port" --num-gpu-blocks 2048 \
        --session-len 8192 --logprobs-mode raw_logprobs >"$logs/prefix-$port.server.log" 2>&1 &
    servers+=($!)
}

start 23396
start 23397 --prefix-cache
for port in 23396 23397; do
    until curl -fs "http://127.0.0.1:$port/health" >/dev/null; do
        if ((SECONDS - started > 120)); then tail -25 "$logs/prefix-$port.server.log"; exit 1; fi
        sleep 1
    done
done
grep -h "prefix cache" "$logs"/prefix-2339?.server.log
PYTHONPATH=${BOT_PATH:+$BOT_PATH:}. "$python" -m benchmarks.prefix_cache --cold http://127.0.0.1:23396/v1 \
    --warm http://127.0.0.1:23397/v1 2>&1 | tee "$keep/prefix_cache.jsonl"
