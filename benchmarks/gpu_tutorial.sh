#!/usr/bin/env bash
# `jokebot tutorial` on a GPU host at InternVL2-2B's shapes, in parts of less than ten minutes (see benchmarks/tutorial.py):
#
#   benchmarks/gpu_tutorial.sh             begins the course, or continues it; call it again while it says "unfinished"
#
# A part ends after $LIMIT seconds (default 540), its set-up included: the course is stopped as by Ctrl-C, the training
# with a checkpoint. The result goes to benchmarks/results/tutorial_$NAME.json and, if $OUT is set, also there, with the
# ends of the logs. $WORK keeps model, rows and data between the parts.
#
# ROWS (2000), SIZE (1280x960: 13 tiles) and TUTORIAL_OPTIONS change the course. A test without a GPU:
#   SHAPE=tiny ROWS=24 SIZE=448x448 WORK=$PWD/build/try TUTORIAL_OPTIONS="--set ENGINE_KIND=cpu TRAINING_LORA_RANK=8" benchmarks/gpu_tutorial.sh
#
# Interpreters: .venv/bot, .venv/train and .venv/serve. If $BUNDLE (default .gpu/bundle) holds folders of wheels: python3
# with these wheels, for a host without a package registry.
set -uo pipefail
cd "$(dirname "$0")/.."
WORK=${WORK:-$PWD/build/tutorial} NAME=${NAME:-h200} BUNDLE=${BUNDLE:-.gpu/bundle} SITES=${SITES:-$PWD/build}
ROWS=${ROWS:-2000} SIZE=${SIZE:-1280x960} LIMIT=${LIMIT:-540}
BASE=$WORK/InternVL2-2B-shaped
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false
. benchmarks/gpu_parts.sh

# Writes a wrapper script: python3 with this PYTHONPATH.
interpreter() {
    printf '#!/bin/sh\nPYTHONPATH=%s exec %s "$@"\n' "$2" "$(command -v python3)" >"$WORK/$1"
    chmod +x "$WORK/$1"
}

setup() {
    mkdir -p "$WORK" benchmarks/results
    if [ -d "$BUNDLE/serve" ]; then
        local installs=() name
        for name in serve bot train; do
            site "$name" &
            installs+=($!)
        done
        for name in "${installs[@]}"; do wait "$name" || return 1; done
        interpreter bot-python "$PWD:$SITES/site-bot:$SITES/site-serve"
        interpreter train-python "$PWD:$SITES/site-train:$SITES/site-bot:$SITES/site-serve"
        TRAIN=$WORK/train-python SERVE=$WORK/bot-python
    else
        export PYTHONPATH=$PWD
        TRAIN=$PWD/.venv/train/bin/python SERVE=$PWD/.venv/serve/bin/python
    fi
    export JOKEBOT_ENVIRONMENTS_SERVE_PYTHON=$SERVE JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON=$TRAIN
    if [ ! -e "$BASE/config.json" ]; then
        say "writing a random checkpoint"
        "$TRAIN" benchmarks/checkpoint.py --shape "${SHAPE:-2b}" --out "$BASE" || return 1
    fi
}

keep() {
    [ -n "${OUT:-}" ] || return 0
    cp -f "benchmarks/results/tutorial_$NAME.json" "$WORK/course/data/tutorial/tutorial.json" "$OUT" 2>/dev/null
    logs 60 "$WORK"/*.out "$WORK"/course/data/tutorial/run/*.log >"$OUT/tutorial-logs.txt" 2>/dev/null
    return 0
}

course() {
    local left=$((LIMIT - ($(date +%s) - started) - 30))
    part course $((left + 25)) "$TRAIN" benchmarks/tutorial.py --folder "$WORK/course" --model "$BASE" --rows "$ROWS" \
        --size "$SIZE" --limit-s "$left" --save "$NAME" ${TUTORIAL_OPTIONS:---set ENGINE_KIND=lmdeploy}
}

if setup; then
    say "ready"
    course
    case ${summary[0]} in *"FAILED (75)"*) summary[0]="course: unfinished; the same call continues it" ;; esac
else
    summary+=("setup: FAILED")
fi
finish
