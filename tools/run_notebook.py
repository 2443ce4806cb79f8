"""Runs a notebook and keeps what it printed and drew: python tools/run_notebook.py NOTEBOOK [TO].

It runs in an empty folder. Written anew is NOTEBOOK, or TO; equal outputs give equal bytes.
"""

import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

SECONDS = 300


def main() -> None:
    """Run what the command line names."""
    source = Path(sys.argv[1])
    notebook = nbformat.read(source, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": folder}})
        client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it ran
    nbformat.write(notebook, Path(sys.argv[2]) if len(sys.argv) > 2 else source)


if __name__ == "__main__":
    main()
