"""Where what noisyseg makes for itself lies."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Where generated data sets lie unless --data-root says otherwise."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "noisyseg"
