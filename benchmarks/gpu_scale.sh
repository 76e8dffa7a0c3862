#!/usr/bin/env bash
# Photos per second and training steps on several GPUs of one host (see benchmarks/scale.py):
#
#   benchmarks/gpu_scale.sh 1 2 [4 8]
#
# The arguments are numbers of GPUs; as many servers as the largest are started, one a GPU. The result goes to
# benchmarks/results/scale_$NAME.json and, if $OUT is set, also there, with the ends of the logs. It takes about 5 minutes
# for two GPUs; $LIMIT seconds at most. An empty NAME keeps no result. SCALE_OPTIONS is passed to benchmarks/scale.py, TRAIN_OPTIONS to
# benchmarks/scale_train.py. TRAIN=0 leaves the training out.
#
# Without GPUs: KIND=cpu MODEL=CHECKPOINT benchmarks/gpu_scale.sh 1 2 runs CPU engines behind the same proxy.
#
# Interpreters: .venv/bot, .venv/train and .venv/serve. If $BUNDLE (default .gpu/bundle) holds folders of wheels: python3
# with these wheels, for a host without a package registry.
set -uo pipefail
cd "$(dirname "$0")/.."
WORK=${WORK:-$PWD/build/bench} NAME=${NAME-h200x2} BUNDLE=${BUNDLE:-.gpu/bundle} SITES=${SITES:-$PWD/build}
KIND=${KIND:-lmdeploy} MODEL=${MODEL:-$WORK/base}
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false
. benchmarks/gpu_parts.sh
[ $# -gt 0 ] || set -- 1 2

setup() {
    mkdir -p "$WORK/scale" benchmarks/results
    if [ -d "$BUNDLE/serve" ]; then
        local sites=()
        for name in serve bot train; do
            site "$name" &
            sites+=($!)
        done
        wait "${sites[@]}"
        BOT=$(command -v python3) PROXY=$BOT TRAIN_PYTHON=$BOT
        export PYTHONPATH=$PWD:$SITES/site-bot:$SITES/site-serve
        export SERVE_PATH=$PYTHONPATH TRAIN_PATH=$PWD:$SITES/site-train:$SITES/site-bot:$SITES/site-serve
        export JOKEBOT_ENVIRONMENTS_SERVE_PYTHON=$BOT JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON=$BOT
    else
        BOT=$PWD/.venv/bot/bin/python PROXY=${PROXY:-$PWD/.venv/serve/bin/python} TRAIN_PYTHON=$PWD/.venv/train/bin/python
        export PYTHONPATH=$PWD SERVE_PATH=$PWD TRAIN_PATH=$PWD
    fi
    if [ ! -e "$MODEL/config.json" ]; then
        say "writing a random checkpoint"
        "$TRAIN_PYTHON" benchmarks/checkpoint.py --shape "${SHAPE:-2b}" --out "$MODEL" || return 1
    fi
}

keep() {
    [ -n "${OUT:-}" ] || return 0
    cp -f "benchmarks/results/scale_$NAME.json" "$OUT" 2>/dev/null
    logs 60 "$WORK"/scale.out "$WORK"/scale/*.log "$WORK"/scale/train/*.log >"$OUT/scale-logs.txt" 2>/dev/null
    return 0
}

if setup; then
    say "ready"
    train=()
    [ "${TRAIN:-1}" = 0 ] || train=(--train-python "$TRAIN_PYTHON" "--train-options=${TRAIN_OPTIONS:-}")
    part scale "${LIMIT:-420}" "$BOT" benchmarks/scale.py --gpus "$@" --kind "$KIND" --model "$MODEL" --folder "$WORK/scale" \
        --proxy-python "$PROXY" "${train[@]}" --save "$NAME" ${SCALE_OPTIONS:-}
else
    summary+=("setup: FAILED")
fi
finish
