#!/bin/bash
# A suite in eight parts, each a task of a Slurm job array with a GPU of its own. No Ray is needed.
#
#   sbatch slurm_array.sh
#
# All tasks write to one store, OUT, which every node must see; so must the data. A task that ends
# before its part is done goes on from its checkpoints when it begins again.
#SBATCH --job-name=noisyseg
#SBATCH --array=1-8
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --gres=gpu:1
#SBATCH --mem=32G
#SBATCH --time=24:00:00
#SBATCH --output=noisyseg-%A_%a.log
#SBATCH --open-mode=append
# May be put back into the queue when its node fails or another job takes its place.
#SBATCH --requeue
# Two minutes before the time is over the script below is told (Slurm may do so a minute earlier).
#SBATCH --signal=B:USR1@120
set -euo pipefail

SUITE=paper-table1-voc
DATA=$HOME/data
OUT=$HOME/runs
# As in --array above. Not SLURM_ARRAY_TASK_COUNT: that is 1 where one task is submitted again.
PARTS=8

# source "$HOME/noisyseg/.venv/bin/activate"

noisyseg run "$SUITE" --data-root "$DATA" --out "$OUT" \
    --shard "$SLURM_ARRAY_TASK_ID/$PARTS" &
run=$!

# SIGTERM lets it write a checkpoint and leave. Time that is over asks for another turn; scancel,
# which sends SIGTERM, does not.
again=no
trap 'again=yes; kill -TERM "$run"' USR1
trap 'kill -TERM "$run"' TERM

status=0
wait "$run" || status=$?
while kill -0 "$run" 2>/dev/null; do # a signal ends a wait
    status=0
    wait "$run" || status=$?
done
if [ "$again" = yes ] && [ "$status" -eq 143 ]; then # 143: stopped before all was done
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
