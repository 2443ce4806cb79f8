"""Records, and what a run's key says of its evaluation, need no package that takes seconds."""

import subprocess
import sys

HEAVY = {"cv2", "matplotlib", "numpy", "pandas", "pycocotools", "ray", "scipy", "torch"}
CODE = """
import importlib, pkgutil, sys
import noisyseg.results.evaluation.settings
import noisyseg.results.records as room
for module in pkgutil.iter_modules(room.__path__, "noisyseg.results.records."):
    importlib.import_module(module.name)
print(*{name.partition(".")[0] for name in sys.modules})
"""


def test_records_are_read_without_heavy_packages():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "noisyseg" in loaded
    assert loaded & HEAVY == set()
