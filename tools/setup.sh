#!/bin/sh
# Makes .venv and installs noisyseg into it, editable, with everything that demo, tests and docs need.
# Does nothing when that is done already. PYTHON chooses the interpreter for a new .venv.
set -eu
cd "$(dirname "$0")/.."

python=.venv/bin/python
unfinished=.venv.unfinished        # there while an install runs, so left behind by a killed one
installed=.venv/noisyseg-installed # written last: for which folder and which settings
wanted="$(pwd -P) $(cat pyproject.toml tools/setup.sh | cksum)"

say() { printf 'noisyseg set-up: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

# The range is pyproject.toml's requires-python.
is_usable() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        is_usable "$PYTHON" || fail "PYTHON=$PYTHON does not run as Python 3.10 to 3.13; name one that does."
        echo "$PYTHON"
        return
    fi
    for name in python3 python3.13 python3.12 python3.11 python3.10; do
        if is_usable "$name"; then echo "$name"; return; fi
    done
    fail "no Python 3.10 to 3.13 found (Debian, Ubuntu: apt install python3 python3-venv)." \
        "One that lies elsewhere can be named: PYTHON=/path/to/python3 make ..."
}

make_venv() {
    base=$(find_python)
    # Debian keeps the half of venv that brings pip in a package of its own.
    "$base" -c 'import venv, ensurepip' 2>/dev/null || fail "$base cannot make virtual environments," \
        "its venv module is missing or incomplete (Debian, Ubuntu: apt install python3-venv)."
    touch "$unfinished"
    "$base" -m venv --clear .venv
}

pip_install() { "$python" -m pip install --quiet --disable-pip-version-check "$@"; }

# mmcv asks for opencv-python, which needs libGL; imaug asks for the headless build too, which does
# not. Both own the folder cv2/, and pip writes the headless one first: so write that one again.
prefer_headless_opencv() {
    version=$("$python" -c 'from importlib.metadata import version; print(version("opencv-python-headless"))')
    pip_install --force-reinstall --no-deps "opencv-python-headless==$version"
    "$python" -c 'import cv2'
}

# A second make, started while the first one installs, waits for it.
if command -v flock >/dev/null; then
    exec 9>.venv.lock
    flock -n 9 || { say "waiting for another make, which is installing ..."; flock 9; }
fi

found=$(cat "$installed" 2>/dev/null || true)
runs() { "$python" -c '' 2>/dev/null; }
if [ "$found" = "$wanted" ] && runs; then exit 0; fi

command -v git >/dev/null || fail "git is missing (Debian, Ubuntu: apt install git);" \
    "each result records the commit that made it."

# Made anew where a kill left it half written, where its Python is gone, and where the folder has
# moved (its scripts name the old path). An environment that the user made is installed into as it is.
moved=no
case "$found" in "$(pwd -P) "* | "") ;; *) moved=yes ;; esac
if [ -e "$unfinished" ] || [ $moved = yes ] || ! runs; then make_venv; fi
"$python" -m pip --version >/dev/null 2>&1 || fail ".venv has no pip; remove that folder and run make again."

say "installing into .venv (some minutes; about 7 GB where torch brings CUDA) ..."
touch "$unfinished"
rm -f "$installed"
pip_install --editable '.[train,test,docs]' || fail "the install failed, for the reason above; run make again to retry."
prefer_headless_opencv
echo "$wanted" >"$installed"
rm "$unfinished"
say "done."
