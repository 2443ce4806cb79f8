"""What the noise of a run changed, in a few numbers."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from noisyseg.bench.runs.run import MANIFEST, Run
from noisyseg.noise.files.manifest_file import read_manifest
from noisyseg.noise.files.manifest_queries import touched_classes


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseCounts:
    """Of the noisy annotation file that a run was trained on.

    Attributes:
        clean, noisy: annotations before and after.
        class_changed: annotations of another class than before.
        touched: classes that labels were changed from or to.
    """

    clean: int
    noisy: int
    class_changed: int
    touched: frozenset[str]

    @property
    def share(self) -> float:
        """Of the clean annotations, that have another class."""
        return self.class_changed / self.clean if self.clean else 0.0


def noise_counts(run: Run) -> NoiseCounts | None:
    """As the manifest in the run's folder says; None where there is none.

    Raises:
        InputError: a manifest that cannot be read, or that contradicts itself.
    """
    path = run.folder / MANIFEST
    return _counts(path, path.stat().st_mtime_ns) if path.is_file() else None


@lru_cache(maxsize=4096)  # every table of a page asks; a manifest of COCO takes half a second
def _counts(path: Path, modified_ns: int) -> NoiseCounts:
    manifest = read_manifest(path)
    numbers = manifest["annotations"]
    return NoiseCounts(
        clean=numbers["clean"],
        noisy=numbers["noisy"],
        class_changed=numbers["class_changed"],
        touched=frozenset(touched_classes(manifest)),
    )
