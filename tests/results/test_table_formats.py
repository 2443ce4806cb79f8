"""The name that notebooks import what renders tables by."""

import subprocess
import sys

from noisyseg.results import table_formats
from noisyseg.results.tables import formats, shown_table


def test_the_door_leads_to_the_same_functions():
    for name in ("ENDINGS", "MISSING", "cell_text", "render"):
        assert getattr(table_formats, name) is getattr(formats, name)
    for name in ("Table", "table_of"):
        assert getattr(table_formats, name) is getattr(shown_table, name)


def test_a_notebook_needs_no_training_stack():
    code = """
import sys
class Refuses:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "torchvision", "mmengine", "mmcv", "mmdet", "ray"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refuses())
from noisyseg.results.frame import load, tabulated
from noisyseg.results.table_formats import render
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
