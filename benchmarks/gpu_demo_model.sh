#!/usr/bin/env bash
# On one GPU: builds the demo model, measures it, and compares LMDeploy's replies with the CPU engine's on 20 pictures.
#
#   benchmarks/gpu_demo_model.sh OUT [MINUTES [START]]
#
# OUT gets the checkpoint; START is a checkpoint to go on from. Needs build/demo-model/pictures.zip (`jokebot demo-model pack`
# makes it where npm is) and a python3 with torch for CUDA, transformers 4.48, tokenizers, pydantic-settings and openai.
# SERVE_PYTHON names an interpreter with lmdeploy 0.18 (default: .venv/serve); without one the comparison is left out.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$1 minutes=${2:-7.9} start=${3:-}
python=${PYTHON:-python3} serve=${SERVE_PYTHON:-.venv/serve/bin/python} pack=build/demo-model/pictures.zip port=23399
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false

"$python" -m bot demo-model build --out "$out" --minutes "$minutes" --device cuda ${start:+--start "$start"}
"$python" -m trainer.demo_model.evaluate "$out" "$pack" --count 480

if ! "$serve" -c 'import lmdeploy' 2>/dev/null; then
    echo "No lmdeploy at $serve: LMDeploy's replies are not compared."
    exit 0
fi
OMP_NUM_THREADS=1 "$serve" -m lmdeploy serve api_server "$out" --backend pytorch --trust-remote-code --server-name 127.0.0.1 \
    --server-port $port --cache-max-entry-count 0.2 >"$out.lmdeploy.log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
for _ in $(seq 120); do
    if curl -fs "http://127.0.0.1:$port/health" >/dev/null; then break; fi
    kill -0 $server || { tail -20 "$out.lmdeploy.log"; exit 1; }
    sleep 2
done
"$python" -P benchmarks/demo_parity.py --url "http://127.0.0.1:$port/v1" --model "$out" --pack "$pack"
