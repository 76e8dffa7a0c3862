#!/usr/bin/env bash
# Trains as a job of Slurm. For the setting training.launcher (docs/deploy/training-elsewhere.md):
#
#   bash configs/deploy/train-on-slurm.sh {run} {command} --gpus=1 --time=06:00:00 [more options of sbatch]
#
# The nodes see the program, its train environment and the data folder under the same paths as this host. SIGTERM asks
# the job to stop with a checkpoint, and so does Slurm two minutes before the job's time is up. A job that a killed
# launcher left behind is stopped, and the new job waits for its end. Exit codes: those of the training, 143 after
# SIGTERM, 1 if Slurm ended the job.
set -uo pipefail
run=$1 command=$2
shift 2
name=jokebot-$(printf %s "$run" | cksum | cut -d' ' -f1)
stopping=""

stop_jobs() {
    scancel --quiet --user="$(id -un)" --name="$name" --state=PENDING
    # The batch process alone: torchrun tells its own processes.
    scancel --quiet --user="$(id -un)" --name="$name" --signal=TERM --batch
}

stop_jobs
trap 'stopping=yes; stop_jobs' TERM INT
sbatch --quiet --wait --job-name="$name" --dependency=singleton --signal=B:TERM@120 --output="$run/slurm.log" \
    --open-mode=append "$@" --wrap "exec $command" &
job=$!
while kill -0 "$job" 2>/dev/null; do wait "$job"; ended=$?; done
[ -n "$stopping" ] && [ "$ended" -ne 0 ] && exit 143
[ "$ended" -ne 0 ] && tail -n 1 "$run/slurm.log" >&2
exit "$ended"
