#!/usr/bin/env bash
# Serving, training, and both in turn under the memory of small cards (benchmarks/small_cards.py), and DeepSpeed against
# plain torchrun (benchmarks/deepspeed_steps.py), on one GPU:
#
#   benchmarks/gpu_small_cards.sh [cpu] [deepspeed] [cards] [both]
#
#   cards      8, 12, 16 and 24 GB, or $CARDS                              about 130 s each
#   deepspeed  40 steps with each                                          about 100 s
#   both       deepspeed, then cards, with the first server started meanwhile
#   cpu        a 2B shape at one tile on 4 and 8 cores (benchmarks/cpu_2b.py), beside the other parts
#
# Needs what gpu_check.sh and gpu_train.sh need; $BUNDLE/deepspeed holds the wheels of DeepSpeed. Results go to
# benchmarks/results/ and, if $OUT is set, also there.
set -uo pipefail
cd "$(dirname "$0")/.."
WORK=${WORK:-$PWD/build/bench} NAME=${NAME:-h200} BUNDLE=${BUNDLE:-.gpu/bundle} SITES=${SITES:-$PWD/build}
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false
. benchmarks/gpu_parts.sh

setup() {
    mkdir -p "$WORK/small" benchmarks/results
    if [ -d "$BUNDLE/serve" ]; then
        SERVE=$(command -v python3) TRAIN=$(command -v python3)
        site serve & site bot & site train & site deepspeed &
        PYTHONPATH=$PWD python3 benchmarks/checkpoint.py --out "$WORK/base" >"$WORK/checkpoint.log" 2>&1 &
        wait
        export SERVE_PATH=$PWD:$SITES/site-bot:$SITES/site-serve
        export PYTHONPATH=$PWD:$SITES/site-train:$SITES/site-bot:$SITES/site-serve:$SITES/site-deepspeed
    else
        SERVE=$PWD/.venv/serve/bin/python TRAIN=$PWD/.venv/train/bin/python
        export PYTHONPATH=$PWD SERVE_PATH=$PWD
    fi
    export JOKEBOT_ENVIRONMENTS_SERVE_PYTHON=$SERVE JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON=$TRAIN
    [ -e "$WORK/base/config.json" ] || "$TRAIN" benchmarks/checkpoint.py --shape "${SHAPE:-2b}" --out "$WORK/base"
}

keep() {
    [ -n "${OUT:-}" ] || return 0
    cp -f benchmarks/results/*_"$NAME".json "$OUT" 2>/dev/null
    logs 60 "$WORK"/*.out "$WORK"/*/*.log >"$OUT/logs.txt" 2>/dev/null
    return 0
}

cards() {
    part cards "${CARDS_LIMIT:-560}" "$TRAIN" benchmarks/small_cards.py --model "$WORK/base" --folder "$WORK/small" \
        --cards ${CARDS:-8 12 16 24} --save "$NAME" ${CARDS_OPTIONS:-}
}

# Both of them; the first server starts during the part deepspeed.
both() {
    cards_first=$WORK/small/go
    (CARDS_OPTIONS="--after $cards_first ${CARDS_OPTIONS:-}" cards; printf '%s\n' "${summary[@]}" >"$WORK/cards.summary") &
    local job=$!
    deepspeed
    touch "$cards_first"
    wait "$job"
    mapfile -t -O "${#summary[@]}" summary <"$WORK/cards.summary"
}

deepspeed() {
    part deepspeed 200 "$TRAIN" benchmarks/deepspeed_steps.py --model "$WORK/base" --folder "$WORK/deepspeed" --save "$NAME" \
        ${DEEPSPEED_OPTIONS:-}
}

cpu() {
    # Beside the other parts, on cores that they are kept off.
    "$TRAIN" benchmarks/cpu_2b.py --model "$WORK/base" --folder "$WORK/cpu" --cores 4 8 --skip 8 --photos 3 \
        --save "$NAME" >"$WORK/cpu.out" 2>&1 &
    cpu_job=$!
    taskset -p -c 0-7 $$ >/dev/null
}

if setup; then
    say "ready"
    cpu_job=""
    [ $# -gt 0 ] || set -- cpu deepspeed cards
    for name in "$@"; do
        case $name in
        cards | deepspeed | both | cpu) "$name" || summary+=("$name: FAILED") ;;
        *) summary+=("$name: there is no such part") ;;
        esac
    done
    if [ -n "$cpu_job" ]; then
        wait "$cpu_job"
        summary+=("cpu: ended with $?; $(tail -n 1 "$WORK/cpu.out" | cut -c1-900)")
    fi
else
    summary+=("setup: FAILED")
fi
finish
