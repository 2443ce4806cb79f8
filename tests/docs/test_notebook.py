"""The notebook: it runs without a network, and shows what it was stored with."""

import json
import subprocess
import sys

import pytest
from shown.pages import ROOT
from shown.running import environment

NOTEBOOK = ROOT / "docs" / "paper-figures.ipynb"

pytest.importorskip("nbclient", reason="the notebook needs the extra docs")
pytest.importorskip("ipykernel", reason="the notebook needs the extra docs")


def printed(path):
    """What the cells print, without the digits that another pandas or matplotlib may set apart."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        outputs = cell.get("outputs", [])
        # A print may arrive in several pieces: how many is chance.
        yield "".join("".join(output.get("text", "")) for output in outputs).split()
        for output in outputs:
            if data := output.get("data"):
                text = "".join(data.get("text/plain", ""))
                yield output["output_type"], sorted(data.keys() - {"text/html"}), text.split()


def test_the_notebook_runs_and_prints_what_the_site_shows(tmp_path):
    out = tmp_path / "new.ipynb"
    program = [sys.executable, str(ROOT / "tools" / "run_notebook.py"), str(NOTEBOOK), str(out)]
    variables = environment(tmp_path) | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(program, env=variables, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert list(printed(out)) == list(printed(NOTEBOOK))
    assert "figure" in out.read_text(encoding="utf-8")
