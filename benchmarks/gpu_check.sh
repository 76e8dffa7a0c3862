#!/usr/bin/env bash
# Benchmarks that need LMDeploy and a GPU, in independent parts with time limits:
#
#   benchmarks/gpu_check.sh [PART…]
#
#   tiles    compares tiles made on the GPU and on the CPU                 benchmarks/tiles.py       60 s
#   serve    photos per second of plain LMDeploy and our servers          benchmarks/serve.py      430 s
#   profile  GPU profile of a server                                       benchmarks/profile_serve.py 220 s
#   swap     model swaps under load                                        benchmarks/swap.py       440 s
#   parity   compares LMDeploy's and the CPU engine's replies, demo model  benchmarks/gpu_demo_parity.sh 150 s
#   prefix   compares replies with and without the prefix cache             benchmarks/gpu_prefix_cache.sh 200 s
#   share    serving and training on one GPU                               benchmarks/share.py      330 s
#
# Without PART, runs all. A failed part does not stop the later ones; a summary of all parts is printed last. Results go
# to benchmarks/results/ and, if $OUT is set, also there, with the ends of the servers' logs.
#
# Interpreters: .venv/bot and .venv/serve (make env-bot, make env-serve), .venv/train for share. If $BUNDLE (default
# .gpu/bundle) holds folders of wheels: python3 with these wheels, for a host without a package registry.
set -uo pipefail
cd "$(dirname "$0")/.."
WORK=${WORK:-/tmp/jokebot-bench} NAME=${NAME:-h100} BUNDLE=${BUNDLE:-.gpu/bundle} SITES=${SITES:-/tmp}
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false
. benchmarks/gpu_parts.sh

setup() {
    mkdir -p "$WORK/serve" benchmarks/results
    if [ -d "$BUNDLE/serve" ]; then
        site serve && site bot || return 1
        BOT=$(command -v python3) SERVE=$(command -v python3) TRAIN=$(command -v python3)
        export PYTHONPATH=$PWD:$SITES/site-bot:$SITES/site-serve
        export SERVE_PATH=$PYTHONPATH
        TRAIN_PATH=$PWD:$SITES/site-train:$SITES/site-bot:$SITES/site-serve
    else
        BOT=$PWD/.venv/bot/bin/python SERVE=$PWD/.venv/serve/bin/python TRAIN=$PWD/.venv/train/bin/python
        export PYTHONPATH=$PWD SERVE_PATH=$PWD
        TRAIN_PATH=$PWD
    fi
    [ -n "${FAKE_SERVE:-}" ] && SERVE=$FAKE_SERVE
    export JOKEBOT_ENVIRONMENTS_SERVE_PYTHON=$SERVE JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON=$TRAIN
    "$SERVE" -c 'import lmdeploy; print("lmdeploy", lmdeploy.__version__)' || return 1
    if [ ! -e "$WORK/base/config.json" ]; then
        say "writing a random checkpoint"
        "$TRAIN" benchmarks/checkpoint.py --shape "${SHAPE:-2b}" --out "$WORK/base" || return 1
    fi
}

keep() {
    [ -n "${OUT:-}" ] || return 0
    cp -f benchmarks/results/*_"$NAME".json "$OUT" 2>/dev/null
    logs 80 "$WORK"/*.out "$WORK"/*/*.log >"$OUT/logs.txt" 2>/dev/null
    return 0
}

tiles() {
    part tiles 60 "$TRAIN" benchmarks/tiles.py
}

serve() {
    nvidia-smi --query-gpu=timestamp,utilization.gpu,memory.used,power.draw --format=csv,noheader -lms 500 >"$WORK/gpu.csv" 2>/dev/null &
    local watcher=$!
    part serve "${SERVE_LIMIT:-430}" "$BOT" benchmarks/serve.py --model "$WORK/base" --folder "$WORK/serve" --save "$NAME" ${SERVE_OPTIONS:-}
    kill "$watcher" 2>/dev/null
    [ -n "${OUT:-}" ] && cp -f "$WORK/gpu.csv" "$OUT" 2>/dev/null
}

profile() {
    part profile 220 "$BOT" benchmarks/profile_serve.py --model "$WORK/base" --folder "$WORK/profile" --save "$NAME"
}

swap() {
    local limit=${SWAP_LIMIT:-440}
    part swap "$limit" "$BOT" benchmarks/swap.py --kind lmdeploy --model "$WORK/base" --limit-s $((limit - 15)) --save "$NAME" ${SWAP_OPTIONS:-}
}

parity() {
    local model=${PARITY_MODEL:-configs/demo-model/checkpoint}
    part parity 150 env SERVE_PYTHON="$SERVE" PYTHON="$TRAIN" SERVE_PATH="$SERVE_PATH" TRAIN_PATH="$TRAIN_PATH" benchmarks/gpu_demo_parity.sh "$model"
}

prefix() {
    part prefix 200 env SERVE_PYTHON="$SERVE" PYTHON="$BOT" SERVE_PATH="$SERVE_PATH" BOT_PATH="$PYTHONPATH" benchmarks/gpu_prefix_cache.sh
}

share() {
    if [ -d "$BUNDLE/train" ]; then site train || return 1; fi
    part share 330 env PYTHONPATH="$TRAIN_PATH" "$TRAIN" benchmarks/share.py --model "$WORK/base" --folder "$WORK/share" --save "$NAME" ${SHARE_OPTIONS:-}
}

if setup; then
    say "ready"
    [ $# -gt 0 ] || set -- tiles serve swap parity share
    for name in "$@"; do
        case $name in
        tiles | serve | profile | swap | parity | prefix | share) "$name" || summary+=("$name: FAILED before it began") ;;
        *) summary+=("$name: there is no such part") ;;
        esac
    done
else
    summary+=("setup: FAILED")
fi
finish
