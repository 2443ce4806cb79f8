#!/bin/bash
# A suite on the GPUs of one machine with GNU parallel: as many parts at a time as there are GPUs.
#
#   bash gnu_parallel.sh
#
# More parts than GPUs, so that none is idle while another has half of the suite before it.
set -euo pipefail

SUITE=quick
OUT=runs
GPUS=4
PARTS=16

# {%} is the number of the slot, from 1 on: a GPU for each. Where this is stopped (SIGTERM), every
# part has two minutes to write its checkpoint. A part that failed does not stop the others; begun
# again, the command does what is missing.
# shellcheck disable=SC2016  # the shell that parallel starts counts
exec parallel --jobs "$GPUS" --joblog noisyseg-parts.log --tag --line-buffer \
    --termseq TERM,120000,KILL,1000 \
    'CUDA_VISIBLE_DEVICES=$(({%} - 1))' noisyseg run "$SUITE" --out "$OUT" --shard "{}/$PARTS" \
    :::: <(seq "$PARTS")
