#!/bin/sh
# Training and merging at InternVL2-2B's size on a GPU host, in parts of less than 10 minutes:
#
#   benchmarks/gpu_train.sh check          loads everything and trains a few steps (1 minute)
#   benchmarks/gpu_train.sh stock          base model, photos, XTuner with eager attention, 100 steps (about 6 minutes)
#   benchmarks/gpu_train.sh ours           XTuner with fused attention, ours, and the comparison (about 5 minutes)
#   benchmarks/gpu_train.sh base           the base model alone (15 s)
#   benchmarks/gpu_train.sh merge          our merge and a copy (40 s); nothing else should run
#   benchmarks/gpu_train.sh official       convert_to_official and the difference to ours (about 1 minute)
#   benchmarks/gpu_train.sh gap            losses of all three over 100 steps, at two learning rates (about 2 minutes)
#   benchmarks/gpu_train.sh speed          our seconds per step again (about 1 minute)
#   benchmarks/gpu_train.sh profile        profile of our training step (about 2 minutes)
#
# `ours` needs the output of `stock` in $WORK, `official` that of `merge`. Results are written to benchmarks/results/ and
# copied to $OUT if it is set. PYTHON: an interpreter with the packages of configs/requirements/train.in (transformers
# 4.48 or 4.57.6). NAME: the machine's name.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/train/bin/python}
WORK=${WORK:-/tmp/jokebot-bench}
NAME=${NAME:-h100}
ARGS=${ARGS:-}
# Commands of the train environment use this interpreter.
JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON=$("$PYTHON" -c 'import sys; print(sys.prefix + "/bin/python3")')
export JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON PYTHONUNBUFFERED=1

keep() {
    if [ -n "${OUT:-}" ]; then cp -f benchmarks/results/*_"$NAME".* "$OUT" 2>/dev/null || true; fi
}

failed() {
    tail -n 60 "$WORK"/*.log "$WORK"/*/*.log 2>/dev/null || true
    keep
    exit 1
}

mkdir -p "$WORK"
case "${1:-}" in
check)   "$PYTHON" benchmarks/train.py --shape tiny --photos 4 --steps 4 --rank 16 --batch 2 --folder "$WORK-check" || { WORK="$WORK-check"; failed; } ;;
stock)   "$PYTHON" benchmarks/train.py --folder "$WORK" --only stock || failed ;;
ours)    "$PYTHON" benchmarks/train.py --folder "$WORK" --only ours sdpa --save "$NAME" || failed ;;
profile) "$PYTHON" benchmarks/profile_step.py --folder "$WORK" || failed ;;
base)    "$PYTHON" -m bot demo-model random --shape "${SHAPE:-2b}" --out "$WORK/base" || failed ;;
merge)   "$PYTHON" benchmarks/merge.py --base "$WORK/base" --folder "$WORK/merge" --only ours || failed ;;
official) "$PYTHON" benchmarks/merge.py --base "$WORK/base" --folder "$WORK/merge" --only stock --save "$NAME" || failed ;;
gap)     "$PYTHON" benchmarks/loss_gap.py --base "$WORK/base" --folder "$WORK/gap" --save "$NAME" $ARGS || failed ;;
speed)   mkdir -p "$WORK/speed" && ln -sfn "$WORK/base" "$WORK/speed/base"
         "$PYTHON" benchmarks/train.py --folder "$WORK/speed" --photos 16 --steps 32 --only ours || failed ;;
*)       sed -n '2,17p' "$0"; exit 2 ;;
esac
keep
