"""What a run ran on: stored in its record, never hashed into its key."""

import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import noisyseg

_PACKAGES = (
    *("torch", "torchvision", "onedl-mmdetection", "onedl-mmcv", "onedl-mmengine", "ray"),
    *("numpy", "scipy", "pycocotools", "hotcoco"),
)


def describe_environment(*, device: str, threads: int) -> dict[str, Any]:
    """Versions, processor and git commit; no host name, no path."""
    return {
        "noisyseg": noisyseg.__version__,
        "git_commit": _git_commit(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": device,
        "threads": threads,
        "packages": {name: package_version(name) for name in _PACKAGES},
    }


def package_version(name: str) -> str | None:
    """Of an installed distribution; None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@cache
def _git_commit() -> str | None:
    """The checkout's commit, with "+changes" if it is not clean; None for an installed copy."""
    root = Path(noisyseg.__file__).parents[1]
    if not (root / ".git").exists():
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+changes" if changed else "")


def _git(root: Path, *arguments: str) -> str:
    result = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return result.stdout.strip()
