#!/usr/bin/env bash
# Trains on another machine over ssh and rsync. For the setting training.launcher (docs/deploy/training-elsewhere.md):
#
#   bash configs/deploy/train-over-ssh.sh HOST FOLDER {run} {dataset} {base}
#
# HOST is a name of ~/.ssh/config that needs no password. FOLDER is on HOST, with the train environment in it
# (FOLDER/.venv/train/bin/python, or the variable TRAIN_PYTHON). HOST needs rsync and flock.
#
# FOLDER/training on HOST holds a copy of the program, of the base model and of one run. That run is this host's while
# the file `id` there equals RUN/xtuner/launch-id: then it is at least as new as this host's copy and comes back before
# anything goes there. Any other run there is removed. When this script ends by itself, only the program and the base
# model stay on HOST. Exit codes: those of the training, 143 after SIGTERM, 255 if HOST can't be reached.
set -uo pipefail
host=$1 run=$3 dataset=$4 base=$5
code=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
name=$(basename "$run")
model=models/$(printf %s "$base" | cksum | cut -d' ' -f1)/$(basename "$base")
control=$(mktemp -d) || exit 1
options=(-o BatchMode=yes -o ConnectTimeout=30 -o ServerAliveInterval=15 -o ServerAliveCountMax=8
    -o ControlMaster=auto -o "ControlPath=$control/%C" -o ControlPersist=no)
export RSYNC_RSH="ssh ${options[*]}"
# Files that stay on their side.
own=(--exclude '/*.log' --exclude /xtuner/launch-id --exclude /xtuner/modules)
child=""
trap 'rm -rf "$control"' EXIT
trap 'kill "$child" 2>/dev/null; exit 143' TERM INT

# In the background, because bash handles a signal only after a command in the foreground has ended.
waited() { "$@" </dev/null & child=$!; wait "$child"; }
on_host() { waited ssh "${options[@]}" "$host" "umask 077; $1"; }
copy() { waited rsync -a -s --timeout=300 "$@"; }
quote() { printf %q "$1"; }
pull() { # The file that names the last checkpoint comes after the checkpoint.
    copy --delete "${own[@]}" --exclude /xtuner/last_checkpoint "$host:$work/run/$name/" "$run/" &&
        copy "${own[@]}" "$host:$work/run/$name/" "$run/"
}
clean() { on_host "cd $(quote "$work") && rm -rf run dataset features id"; }

on_host "mkdir -p $(quote "$2")/training && cd $(quote "$2") && pwd" >"$control/folder" || exit 255
folder=$(<"$control/folder")
work=$folder/training
# A training that a killed launcher has left there is told to stop. It has ended when the lock is free.
on_host "cd $(quote "$work") || exit 1
    grep -qs trainer.xtuner /proc/\$(cat pid 2>/dev/null)/cmdline && kill -TERM \$(cat pid)
    flock -w 180 lock true || exit 1
    cat id 2>/dev/null; true" >"$control/id" || exit 255
if [ -s "$control/id" ] && cmp -s "$control/id" "$run/xtuner/launch-id"; then pull || exit 255; else clean || exit 255; fi
on_host "cd $(quote "$work") && rm -f id
    find models -mindepth 1 -maxdepth 1 ! -name $(quote "$(basename "$(dirname "$model")")") -exec rm -rf {} + 2>/dev/null
    mkdir -p code dataset features $(quote "$model") run/$(quote "$name")" || exit 255
copy --delete --exclude __pycache__ "$code/configs" "$code/storage" "$code/trainer" "$host:$work/code/" || exit 255
copy -L --delete "$base/" "$host:$work/$model/" || exit 255
copy -L --delete "$dataset/" "$host:$work/dataset/" || exit 255
copy --delete "${own[@]}" "$run/" "$host:$work/run/$name/" || exit 255
mkdir -p "$run/xtuner"
id=$(</proc/sys/kernel/random/uuid)
on_host "echo $id >$(quote "$work/id")" && echo "$id" >"$run/xtuner/launch-id" || exit 255

# The training's leash is its standard input: it ends with this script or with the connection.
training=("${TRAIN_PYTHON:-$folder/.venv/train/bin/python}" -m trainer.xtuner.entry "$work/run/$name"
    --dataset "$work/dataset" --base "$work/$model" --features "$work/features")
remote="umask 077; cd $(quote "$work/code") || exit 255
exec 3<&0 9>../lock; flock -w 180 9 || exit 255
export PYTHONPATH=\$PWD MODEL_CODE_AGREED=$(quote "${MODEL_CODE_AGREED:-}")
$(printf '%q ' "${training[@]}") </dev/null 3<&- &
child=\$!; echo \$child >../pid
(while read -r _; do :; done; kill -TERM \$child) <&3 >/dev/null 2>&1 9>&- &
leash=\$!
wait \$child; ended=\$?
kill \$leash 2>/dev/null; rm -f ../pid; exit \$ended"
mkfifo "$control/leash" || exit 1
ssh "${options[@]}" "$host" "bash -c $(quote "$remote")" <"$control/leash" &
session=$!
exec {leash}>"$control/leash"
stopping=""
trap 'stopping=yes; kill "$child" 2>/dev/null' TERM INT

rounds=0
while kill -0 "$session" 2>/dev/null; do
    # Not in the trap: after a function's redirection bash would open it again.
    [ -n "$stopping" ] && exec {leash}>&-
    sleep 3 {leash}>&- &
    wait $!
    [ -n "$stopping" ] && continue
    copy "$host:$work/run/$name/progress.json" "$host:$work/run/$name/losses.jsonl" "$run/" {leash}>&- 2>/dev/null
    rounds=$((rounds + 1))
    [ $((rounds % 20)) -eq 0 ] && pull {leash}>&- 2>/dev/null
done
wait "$session"
ended=$?
[ "$ended" -eq 255 ] && exit 255
pull || exit 255
clean
exit "$ended"
