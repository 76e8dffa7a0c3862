#!/bin/sh
# Training and merging at InternVL2-2B's size on a GPU host, in parts of less than ten minutes each:
#
#   benchmarks/gpu_train.sh check          one minute: does everything load and take a step?
#   benchmarks/gpu_train.sh stock          base model, photos, XTuner with eager attention, 100 steps (about 6 minutes)
#   benchmarks/gpu_train.sh ours           XTuner with fused attention, ours, and the comparison (about 5 minutes)
#   benchmarks/gpu_train.sh merge          our merge, convert_to_official, a copy (about 3 minutes)
#   benchmarks/gpu_train.sh profile        where a step of ours spends its time (about 2 minutes)
#
# `ours` needs what `stock` left in $WORK. Results are written to benchmarks/results/ and, where $OUT is set, copied there.
# PYTHON is an interpreter with the packages of configs/requirements/train.in (transformers 4.48 or 4.57.6); NAME names the machine.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/train/bin/python}
WORK=${WORK:-/tmp/jokebot-bench}
NAME=${NAME:-h100}
# A command that names the train environment must not look for another one.
JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON=$("$PYTHON" -c 'import sys; print(sys.prefix + "/bin/python3")')
export JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON PYTHONUNBUFFERED=1

keep() {
    if [ -n "${OUT:-}" ]; then cp -f benchmarks/results/*_"$NAME".* "$WORK"/*/progress.json "$OUT" 2>/dev/null || true; fi
}

failed() {
    tail -n 60 "$WORK"/*.log 2>/dev/null || true
    keep
    exit 1
}

mkdir -p "$WORK"
case "${1:-}" in
check)   "$PYTHON" benchmarks/train.py --shape tiny --photos 4 --steps 4 --rank 16 --batch 2 --folder "$WORK-check" || { WORK="$WORK-check"; failed; } ;;
stock)   "$PYTHON" benchmarks/train.py --folder "$WORK" --only stock || failed ;;
ours)    "$PYTHON" benchmarks/train.py --folder "$WORK" --only ours sdpa --save "$NAME" || failed ;;
profile) "$PYTHON" benchmarks/profile_step.py --folder "$WORK" || failed ;;
merge)   "$PYTHON" benchmarks/merge.py --base "$WORK/base" --folder "$WORK/merge" --save "$NAME" || failed ;;
*)       sed -n '2,12p' "$0"; exit 2 ;;
esac
keep
