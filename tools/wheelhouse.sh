#!/bin/sh
# Collects every wheel that `pip install --no-index --find-links wheelhouse 'noisyseg[train]'` needs on a
# machine without a network, which has the same system, processor and Python version as this one.
#
# PYTHON chooses the interpreter, WHEELHOUSE the folder. Until all are there they lie beside it.
set -eu
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
out=${WHEELHOUSE:-wheelhouse}
say() { printf 'noisyseg wheelhouse: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

"$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null ||
    fail "$python does not run as Python 3.10 to 3.13; name one that does: make wheelhouse PYTHON=/path/to/python3"
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "$python cannot make virtual environments (Debian, Ubuntu: apt install python3-venv)."
[ ! -e "$out" ] || fail "$out is there already; remove it, or name another folder: make wheelhouse WHEELHOUSE=FOLDER"
mkdir -p "$(dirname "$out")"

work=$(mktemp -d "$out.unfinished.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
mkdir "$work/wheels"
"$python" -m venv "$work/venv"
collect() { "$work/venv/bin/python" -m pip wheel --quiet --disable-pip-version-check --wheel-dir "$work/wheels" "$@"; }

say "collecting (minutes; some 3 GB where torch brings CUDA) ..."
collect '.[train]' || fail "not all wheels could be had, for the reason above; nothing was written."

# mmcv asks for opencv-python, which needs libGL and writes over the headless build (see setup.sh). In
# its place goes a wheel without a file that asks for the headless one: pip is content, cv2 is right.
version=$("$python" -c 'import sys; print(sys.argv[1].split("-")[1])' \
    "$(basename "$work"/wheels/opencv_python_headless-*.whl)")
rm -f "$work"/wheels/opencv_python-*.whl
mkdir "$work/stand-in"
cat >"$work/stand-in/pyproject.toml" <<TOML
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "opencv-python"
version = "$version+headless"
description = "In place of opencv-python in noisyseg's wheelhouse: opencv-python-headless"
dependencies = ["opencv-python-headless==$version"]

[tool.setuptools]
packages = []
TOML
collect --no-deps "$work/stand-in" || fail "the stand-in for opencv-python could not be built; nothing was written."

mv "$work/wheels" "$out"
size=$(du -sh "$out" | cut -f1)
count=$(find "$out" -name '*.whl' | wc -l)
minor=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
cat <<TEXT
$out: $count wheels, $size, for Python $minor on $(uname -sm).

Copy the folder $out to the other machine, which needs Python $minor with venv and nothing else, and there:

  python3 -m venv noisyseg-env
  noisyseg-env/bin/pip install --no-index --find-links $(basename "$out") 'noisyseg[train]'
  noisyseg-env/bin/noisyseg run smoke
TEXT
