#!/bin/bash
# A suite on four nodes of one Slurm job, with a Ray cluster that begins and ends with the job.
#
#   sbatch slurm_ray.sh
#
# Ray hands each GPU its next run as soon as it is free, longest runs first. OUT lies on the first
# node or wherever that one sees it; the data lie at the same path on every node.
#SBATCH --job-name=noisyseg
#SBATCH --nodes=4
#SBATCH --exclusive
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --gres=gpu:4
#SBATCH --time=24:00:00
#SBATCH --output=noisyseg-%j.log
#SBATCH --open-mode=append
# The job outlives one of its nodes; that one's runs go on elsewhere.
#SBATCH --no-kill
#SBATCH --requeue
#SBATCH --signal=B:USR1@180
set -euo pipefail

SUITE=paper-table1-voc
DATA=$HOME/data
OUT=$HOME/runs

# source "$HOME/noisyseg/.venv/bin/activate"

# Whoever reaches a Ray without a token runs code as you: one for this job, in its environment alone.
RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(python3 -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_MODE RAY_AUTH_TOKEN
export RAY_USAGE_STATS_ENABLED=0

head=$(hostname)
port=$((20000 + SLURM_JOB_ID % 10000)) # another job's Ray may be on this machine
address=$head:$port
temporary=/tmp/ray-$SLURM_JOB_ID       # short: Ray's sockets lie below it

ray start --head --port="$port" --temp-dir="$temporary" \
    --num-cpus="$SLURM_CPUS_PER_TASK" --num-gpus="${SLURM_GPUS_ON_NODE:-0}"

workers=$((SLURM_JOB_NUM_NODES - 1))
if [ "$workers" -gt 0 ]; then
    srun --nodes="$workers" --ntasks="$workers" --ntasks-per-node=1 --exclude="$head" \
        --cpus-per-task="$SLURM_CPUS_PER_TASK" --no-kill \
        ray start --address="$address" --temp-dir="$temporary" --block \
        --num-cpus="$SLURM_CPUS_PER_TASK" --num-gpus="${SLURM_GPUS_ON_NODE:-0}" &
fi

# Until every node has come, but no longer than five minutes: later ones are used, too.
for _ in $(seq 60); do
    alive=$(python3 -c '
import sys, ray
ray.init(address=sys.argv[1], logging_level="ERROR")
print(sum(node["Alive"] for node in ray.nodes()))' "$address" || echo 0)
    [ "$alive" -ge "$SLURM_JOB_NUM_NODES" ] && break
    sleep 5
done

# What is wrong with a node is said before anything is trained.
noisyseg doctor "$SUITE" --data-root "$DATA" --out "$OUT" --address "$address"

noisyseg run "$SUITE" --data-root "$DATA" --out "$OUT" --address "$address" &
run=$!

again=no
trap 'again=yes; kill -TERM "$run"' USR1
trap 'kill -TERM "$run"' TERM

status=0
wait "$run" || status=$?
while kill -0 "$run" 2>/dev/null; do # a signal ends a wait
    status=0
    wait "$run" || status=$?
done
# Ray ends with the job.
if [ "$again" = yes ] && [ "$status" -eq 143 ]; then # 143: stopped before all was done
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
