"""Packages that overwrite one another: the original mmdet stack beside the maintained one.

`onedl-mmdetection`, `onedl-mmcv` and `onedl-mmengine` install into the same folders (`mmdet/`,
`mmcv/`, `mmengine/`) as the packages they continue, and pip does not notice.
"""

import re
from collections.abc import Sequence
from importlib import metadata

ORIGINALS = frozenset({"mmdet", "mmcv", "mmcv-full", "mmcv-lite", "mmengine", "mmengine-lite"})


def conflicting_distributions(path: Sequence[str] | None = None) -> list[str]:
    """The original mmdet-stack packages that are installed, as "name version", sorted.

    Args:
        path: folders to search; by default those Python imports from.
    """
    found = metadata.distributions() if path is None else metadata.distributions(path=list(path))
    names = {(_normalised(d.metadata["Name"] or ""), d.version) for d in found}
    return sorted(f"{name} {version}" for name, version in names if name in ORIGINALS)


def conflict_message(conflicts: Sequence[str]) -> str:
    """One paragraph: what is installed twice and the two commands that mend it."""
    originals = " ".join(conflict.split()[0] for conflict in conflicts)
    return (
        f"installed beside the onedl-* packages that noisyseg needs: {', '.join(conflicts)}. "
        "Both write the same folders, so the code that runs is a mixture. Mend it with: "
        f"pip uninstall -y {originals} && "
        "pip install --force-reinstall --no-deps onedl-mmdetection onedl-mmcv onedl-mmengine"
    )


def _normalised(name: str) -> str:
    """A distribution's name in its one canonical spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
