#!/usr/bin/env bash
# The whole loop on a GPU host, in independent parts with time limits (see benchmarks/gpu_loop.py):
#
#   benchmarks/gpu_loop.sh [PART…]
#
#   demo    users, the bot, LMDeploy and XTuner on one GPU, with the demo model        300 s
#   2b      train → merge → swap at InternVL2-2B's shapes                              260 s
#
# Without PART, runs both. A failed part does not stop the next; a summary is printed last. Results go to
# benchmarks/results/loop_$NAME.json and, if $OUT is set, also there, with the ends of the logs. LOOP_OPTIONS is passed to
# both parts: `--kind cpu` tests the script on a host without a GPU.
#
# Interpreters: .venv/bot, .venv/train and .venv/serve. If $BUNDLE (default .gpu/bundle) holds folders of wheels: python3
# with these wheels, for a host without a package registry.
set -uo pipefail
cd "$(dirname "$0")/.."
WORK=${WORK:-/tmp/jokebot-loop} NAME=${NAME:-h100} BUNDLE=${BUNDLE:-.gpu/bundle} SITES=${SITES:-/tmp}
BASE=${BASE:-/tmp/jokebot-bench/base}
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false
. benchmarks/gpu_parts.sh

# Writes a wrapper script: python3 with this PYTHONPATH.
interpreter() {
    printf '#!/bin/sh\nPYTHONPATH=%s exec %s "$@"\n' "$2" "$(command -v python3)" >"$WORK/$1"
    chmod +x "$WORK/$1"
}

setup() {
    rm -rf "$WORK"
    mkdir -p "$WORK" benchmarks/results
    if [ -d "$BUNDLE/serve" ]; then
        site serve && site bot && site train || return 1
        interpreter bot-python "$PWD:$SITES/site-bot:$SITES/site-serve"
        interpreter train-python "$PWD:$SITES/site-train:$SITES/site-bot:$SITES/site-serve"
        BOT=$WORK/bot-python TRAIN=$WORK/train-python SERVE=$WORK/bot-python
    else
        export PYTHONPATH=$PWD
        BOT=$PWD/.venv/bot/bin/python TRAIN=$PWD/.venv/train/bin/python SERVE=$PWD/.venv/serve/bin/python
    fi
    export JOKEBOT_ENVIRONMENTS_SERVE_PYTHON=$SERVE JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON=$TRAIN
    "$TRAIN" -c 'import torch, transformers; print("torch", torch.__version__, "transformers", transformers.__version__)' &&
        "$BOT" -c 'import telegram; print("python-telegram-bot", telegram.__version__)'
}

keep() {
    [ -n "${OUT:-}" ] || return 0
    cp -f "benchmarks/results/loop_$NAME.json" "$OUT" 2>/dev/null
    logs 60 "$WORK"/*.out $(find "$WORK" -name '*.log') >"$OUT/loop-logs.txt" 2>/dev/null
    return 0
}

demo() {
    part demo "${DEMO_LIMIT:-300}" "$TRAIN" benchmarks/gpu_loop.py demo --folder "$WORK/demo" --bot-python "$BOT" --save "$NAME" ${LOOP_OPTIONS:-}
}

two_b() {
    if [ ! -e "$BASE/config.json" ]; then
        say "writing a random checkpoint"
        "$TRAIN" benchmarks/checkpoint.py --shape "${SHAPE:-2b}" --out "$BASE" || return 1
    fi
    part 2b "${HEAVY_LIMIT:-260}" "$TRAIN" benchmarks/gpu_loop.py 2b --folder "$WORK/2b" --bot-python "$BOT" --base "$BASE" --save "$NAME" ${LOOP_OPTIONS:-}
}

if setup; then
    say "ready"
    [ $# -gt 0 ] || set -- demo 2b
    for name in "$@"; do
        case $name in
        demo) demo ;;
        2b) two_b || summary+=("2b: FAILED before it began") ;;
        *) summary+=("$name: there is no such part") ;;
        esac
    done
else
    summary+=("setup: FAILED")
fi
finish
