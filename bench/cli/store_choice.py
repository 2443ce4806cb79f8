"""The store that a reader is pointed at: it must be there, and stays as it is."""

from pathlib import Path

from noisyseg.errors import InputError
from noisyseg.results.records.store import RunStore


def opened_store(folder: Path) -> RunStore:
    """The store in a folder.

    Raises:
        InputError: there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(
            f"no such store: {folder}. `noisyseg run` makes one; where it lies elsewhere, give "
            "--out."
        )
    return RunStore(folder)
