#!/bin/sh
# Installs a wheel or a source distribution into a fresh environment and uses it in an empty folder:
# noise and its check, with `train` also a training and its table.
#
# `sh tools/try_install.sh noisyseg-0.2.0-py3-none-any.whl [train]`; PYTHON chooses the interpreter.
set -eu

file=${1:?"noisyseg: wanted a wheel or a source distribution: sh tools/try_install.sh FILE [train]"}
extra=${2:-}
file=$(cd "$(dirname "$file")" && pwd -P)/$(basename "$file")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

"${PYTHON:-python3}" -m venv env
env/bin/python -m pip install --quiet --disable-pip-version-check "$file${extra:+[$extra]}"
mkdir empty
cd empty
noisyseg=../env/bin/noisyseg

"$noisyseg" --version
cat >train.json <<'JSON'
{"images": [{"id": 1, "file_name": "1.jpg", "width": 64, "height": 64}],
 "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
 "annotations": [
  {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 100, "bbox": [2, 2, 10, 10],
   "segmentation": [[2, 2, 12, 2, 12, 12, 2, 12]]},
  {"id": 2, "image_id": 1, "category_id": 2, "iscrowd": 0, "area": 100, "bbox": [20, 20, 10, 10],
   "segmentation": [[20, 20, 30, 20, 30, 30, 20, 30]]}]}
JSON
"$noisyseg" noise make --annotations train.json --type symmetric --rate 0.5 --seed 1 --out noisy.json
"$noisyseg" noise verify noisy.json --clean train.json
# What pip leaves where mmcv's OpenCV was written last and there is no libGL: the command that mends
# it is the one that noisyseg prints.
scale() {
    "$noisyseg" noise make --annotations train.json --type scale --preset mid --seed 1 --out scaled.json
}
if ! said=$(scale 2>&1); then
    echo "$said"
    mend=$(echo "$said" | sed -n "s/.*Mend it with: pip install/install/p")
    [ -n "$mend" ] || exit 1
    eval "../env/bin/python -m pip --quiet $mend"
    scale
fi
"$noisyseg" suite list

if [ "$extra" = train ]; then
    "$noisyseg" run smoke
    "$noisyseg" table smoke
fi
