"""The store that every page's folder has, trained once a session by whoever needs it first."""

import fcntl
import os
from pathlib import Path

import pytest
from shown.folder import run_smoke


@pytest.fixture(scope="session")
def smoke_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the four runs of `smoke`; not to be changed."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "smoke"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            run_smoke(folder / "work")
            (folder / "done").touch()
    return folder / "work" / "runs"
