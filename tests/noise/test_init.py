"""The noise room stands alone: no training framework is loaded with it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import importlib, pkgutil, sys
import noisyseg.noise
names = [m.name for m in pkgutil.walk_packages(noisyseg.noise.__path__, "noisyseg.noise.")]
assert {"noisyseg.noise.corrupt", "noisyseg.noise.types.class_noise"} <= set(names), names
for name in names:
    importlib.import_module(name)
heavy = {"torch", "mmdet", "mmcv", "mmengine", "ray", "pandas"} & set(sys.modules)
rooms = ("noise", "contract", "errors", "files", "foreign", "located_yaml", "mask_overlap")
rooms = (*rooms, "annotation_files", "own_code", "run_length", "socket_paths")
shared = tuple(f"noisyseg.{name}" for name in rooms)
strange = {m for m in sys.modules if m.startswith("noisyseg.") and not m.startswith(shared)}
sys.exit(f"loaded: {heavy | strange}" if heavy | strange else 0)
"""

LISTING = """
import sys
import noisyseg.bench.cli.noise.listing, noisyseg.noise.types.registry
heavy = {"scipy", "cv2", "pycocotools", "torch", "matplotlib", "pandas"} & set(sys.modules)
sys.exit(f"loaded: {heavy}" if heavy else 0)
"""


def test_every_module_loads_without_torch_or_another_room() -> None:
    run(PROGRAM)


def test_a_list_of_the_types_draws_no_mask() -> None:
    run(LISTING)


def run(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
