#!/usr/bin/env bash
# On one GPU: compares LMDeploy's replies with the CPU engine's, for 20 pictures with a style prompt at temperature 0.
#
#   benchmarks/gpu_demo_parity.sh CHECKPOINT
#
# Starts two servers at once: LMDeploy's api_server and the bot's (bot/engine/lmdeploy/launcher.py). SERVE_PYTHON: a
# Python with lmdeploy 0.18 (default: .venv/serve). PYTHON: one with transformers and openai (default: .venv/train).
# SERVE_PATH and TRAIN_PATH are their PYTHONPATH. Needs build/demo-model/pictures.zip.
set -uo pipefail
cd "$(dirname "$0")/.."
model=$1 keep=${OUT:-/tmp} logs=${TMPDIR:-/tmp} started=$SECONDS
serve=${SERVE_PYTHON:-.venv/serve/bin/python} python=${PYTHON:-.venv/train/bin/python} pack=${PACK:-build/demo-model/pictures.zip}
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1
servers=()
trap 'kill "${servers[@]}" 2>/dev/null; wait' EXIT

start() {
    local name=$1 port=$2
    shift 2
    OMP_NUM_THREADS=1 PYTHONPATH=${SERVE_PATH:+$SERVE_PATH:}. "$serve" "$@" "$model" --backend pytorch --trust-remote-code \
        --server-name 127.0.0.1 --server-port "$port" --cache-max-entry-count 0.1 --session-len 8192 >"$logs/parity-$name.server.log" 2>&1 &
    servers+=($!)
}

compare() {
    local name=$1 port=$2 server=$3
    until curl -fs "http://127.0.0.1:$port/health" >/dev/null; do
        if ! kill -0 "$server" 2>/dev/null || ((SECONDS - started > 110)); then
            echo "$name did not start:"; tail -25 "$logs/parity-$name.server.log"; return
        fi
        sleep 1
    done
    echo "$name: ready after $((SECONDS - started)) s; $(grep -o 'registered in the engine process' "$keep/parity-$name.server.log" | head -n 1)"
    PYTHONPATH=${TRAIN_PATH:+$TRAIN_PATH:}. timeout 70 "$python" -P benchmarks/demo_parity.py --url "http://127.0.0.1:$port/v1" \
        --model "$model" --pack "$pack" >"$keep/parity-$name.jsonl" 2>"$logs/parity-$name.errors.log" || tail -15 "$logs/parity-$name.errors.log"
    echo "$name: $(tail -1 "$keep/parity-$name.jsonl"), after $((SECONDS - started)) s"
}

# Stock LMDeploy would take the tokenizer's template, which is not the one that the model was trained with.
template="$logs/chat_template.json"
"$python" -P -c "
import json, sys; sys.path.insert(0, '.')
from pathlib import Path
from storage.checkpoint.template import lmdeploy_template
print(json.dumps(lmdeploy_template(Path('$model'))))
" >"$template"
start stock 23398 -m lmdeploy serve api_server --chat-template "$template"
start launcher 23399 -m bot.engine.lmdeploy.launcher
compare stock 23398 "${servers[0]}" &
first=$!
compare launcher 23399 "${servers[1]}"
wait $first
