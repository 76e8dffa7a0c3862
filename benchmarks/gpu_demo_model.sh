#!/usr/bin/env bash
# On one GPU: builds the demo model for each seed, all at the same time, and evaluates the results.
#
#   benchmarks/gpu_demo_model.sh DIR [MINUTES]          SEEDS="0 1" COUNT=480 by default
#
# START: a checkpoint to continue from. PARITY=1 runs gpu_demo_parity.sh meanwhile, with its variables.
# Writes DIR/seed0, DIR/seed1 (checkpoints) and copies weights, logs and metrics to $OUT if it is set. Needs
# build/demo-model/pictures.zip (`jokebot demo-model pack` builds it, with npm) and a python3 with torch for CUDA,
# transformers, tokenizers, numpy and pillow; does not use the `jokebot` command, which needs more packages.
# A small model leaves the GPU idle between its many small operations, so concurrent builds barely slow each other down.
set -uo pipefail
cd "$(dirname "$0")/.."
out=$1 minutes=${2:-7.7} seeds=${SEEDS:-0 1} count=${COUNT:-480}
python=${PYTHON:-python3} pack=${PACK:-build/demo-model/pictures.zip} keep=${OUT:-$1}
start=None parity=
test -z "${START:-}" || start="Path('$START')"
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1
mkdir -p "$out"
started=$SECONDS

build_seed() {
    local seed=$1 log="$keep/build$1.log"
    timeout 545 "$python" -P -c "
import sys, time; sys.path.insert(0, '.')
from pathlib import Path
from trainer.demo_model.build import build, report
start, out = time.monotonic(), Path('$out/seed$seed').absolute()
print(report(build(out, Path('$pack'), '${DEVICE:-cuda}', float('$minutes'), $seed, $start, ${STEPS:-0}), out, start))
" >"$log" 2>&1 || { echo "build $seed failed:"; tail -15 "$log"; return 1; }
    echo "build $seed ended after $((SECONDS - started)) s: $(tail -1 "$log")"
    cp "$out/seed$seed/model.safetensors" "$keep/seed$seed.safetensors"
    cp "$out/seed$seed/training.json" "$keep/seed$seed.training.json"
    if [ -n "${PARITY:-}" ]; then
        benchmarks/gpu_demo_parity.sh "$out/seed$seed" &
        parity=$!
    fi
    timeout 100 "$python" -m trainer.demo_model.evaluate "$out/seed$seed" "$pack" --count "$count" >"$log.measures" 2>&1
    tail -1 "$log.measures" | tee -a "$log"
    rm -f "$log.measures"
    echo "measured seed $seed after $((SECONDS - started)) s"
    test -z "$parity" || wait "$parity"
}

for seed in $seeds; do build_seed "$seed" & done
wait
for seed in $seeds; do grep -E '^ *[0-9.]+%' "$keep/build$seed.log" | awk 'NR % 4 == 1'; done
for seed in $seeds; do echo "seed $seed: $(tail -1 "$keep/build$seed.log")"; done
# For benchmarks/gpu_demo_parity.sh: the seed with the best accuracy on the held-out set.
for seed in $seeds; do
    echo "$(tail -1 "$keep/build$seed.log" | sed -n 's/.*"other_set_accuracy": \([0-9.]*\).*/\1/p') $seed"
done | sort -rn | head -1 | cut -d' ' -f2 | tee "$out/best"
