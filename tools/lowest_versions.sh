#!/bin/sh
# Writes constraints that pin what pyproject.toml names to its lower bounds, for Python 3.10, where
# they were set: `sh tools/lowest_versions.sh FILE`, then `PIP_CONSTRAINT=FILE make test`. What is needed
# by those alone is as new as they allow. Needs uv (`pip install uv`); `PYTHON_VERSION` is another Python.
set -eu
cd "$(dirname "$0")/.."

out=${1:?"noisyseg: wanted the file to write: sh tools/lowest_versions.sh lowest.txt"}
command -v uv >/dev/null || { echo "noisyseg: uv is missing: pip install uv" >&2; exit 1; }

# Written whole or not at all. Versions of the build for another machine are no constraint.
unfinished=$(mktemp "$out.XXXXXX")
trap 'rm -f "$unfinished"' EXIT
uv pip compile --quiet --resolution lowest-direct --python-version "${PYTHON_VERSION:-3.10}" \
    --extra train --extra test --no-header --no-annotate pyproject.toml >"$unfinished"
mv "$unfinished" "$out"
