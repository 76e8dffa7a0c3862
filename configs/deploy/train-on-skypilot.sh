#!/usr/bin/env bash
# Trains on a machine that SkyPilot starts in a cloud and removes again. For the setting training.launcher
# (docs/deploy/training-elsewhere.md):
#
#   bash configs/deploy/train-on-skypilot.sh CLUSTER {run} {dataset} {base}
#
# configs/deploy/skypilot.yaml, or the file in the variable SKYPILOT_TASK, describes the machine. SkyPilot writes its
# address into ~/.ssh/config under the name CLUSTER; the rest is train-over-ssh.sh.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
trap 'kill "$starting" 2>/dev/null; exit 143' TERM INT
sky launch -y -d -c "$1" "${SKYPILOT_TASK:-$here/skypilot.yaml}" </dev/null &
starting=$!
wait "$starting" || exit 255
exec bash "$here/train-over-ssh.sh" "$1" jokebot "${@:2}"
