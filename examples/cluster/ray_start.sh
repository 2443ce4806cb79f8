#!/bin/bash
# A Ray cluster by hand, on machines that reach each other.
#
#   bash ray_start.sh head               on the first machine
#   bash ray_start.sh join FIRST:6379    on every other one
#   bash ray_start.sh stop               on each, at the end
#
# ~/.ray/auth_token must be the same file on all: without it anybody who reaches the port runs code
# as you. `head` makes it; copy it before the others join:
#   scp -p ~/.ray/auth_token OTHER:.ray/
set -euo pipefail

export RAY_AUTH_MODE=token
export RAY_USAGE_STATS_ENABLED=0
PORT=6379

case ${1:-} in
head)
    ray get-auth-token --generate >/dev/null
    ray start --head --port="$PORT"
    echo "On the other machines: bash ray_start.sh join $(hostname):$PORT"
    echo "Then here:"
    echo "  export RAY_AUTH_MODE=token"
    echo "  noisyseg doctor SUITE --data-root DATA --out runs --address $(hostname):$PORT"
    echo "  noisyseg run SUITE --data-root DATA --out runs --address $(hostname):$PORT"
    ;;
join)
    ray start --address="${2:?the address that the first machine said, such as FIRST:6379}"
    ;;
stop)
    ray stop
    ;;
*)
    echo "usage: bash ray_start.sh head | join HOST:PORT | stop" >&2
    exit 2
    ;;
esac
