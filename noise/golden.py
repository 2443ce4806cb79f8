"""Golden noise: the SHA-256 of every type of noise on a small shipped file, to check a machine by.

`golden/sample.json` is a COCO-format file with COCO's 80 categories, polygons, run lengths and
crowds; `golden/hashes.json` holds the hashes of what each case makes of it.
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from noisyseg.annotation_files.document import CocoDocument, read_annotations
from noisyseg.files import sha256_file
from noisyseg.noise.operations import make, manifest_path
from noisyseg.noise.spec import NoiseSpec, NoiseStep, parse_steps
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.types.registry import NOISE_TYPES

FOLDER = Path(__file__).with_name("golden")
SAMPLE = FOLDER / "sample.json"
HASHES = FOLDER / "hashes.json"
SEEDS = (0, 1, 2)

_MAP = {"cat": "dog", "dog": "cat", "car": "truck"}
# Cases beside the presets. A type with neither is tried with its `trial`, at the rate 0.4.
_STEPS: dict[str, Any] = {
    "symmetric-0.2": {"type": "symmetric", "rate": 0.2},
    "symmetric-0.4": {"type": "symmetric", "rate": 0.4},
    "symmetric-0.6": {"type": "symmetric", "rate": 0.6},
    "symmetric-0.8": {"type": "symmetric", "rate": 0.8},
    "symmetric-0.4-lncis-code": {"type": "symmetric", "rate": 0.4, "convention": "lncis-code"},
    "asymmetric-0.4": {"type": "asymmetric", "rate": 0.4, "map": _MAP},
    "asymmetric-0.4-lncis-code-coco": {
        "type": "asymmetric",
        "rate": 0.4,
        "map": "coco",
        "convention": "lncis-code",
    },
    "superclass-pairs-0.2": {"type": "superclass-pairs", "rate": 0.2},
    "superclass-pairs-0.4": {"type": "superclass-pairs", "rate": 0.4},
    "box-jitter-0.3": {"type": "box-jitter", "r": 0.3},
    "missing-0.2": {"type": "missing", "rate": 0.2},
    "bogus-0.2": {"type": "bogus", "rate": 0.2},
    "composed": [
        {"type": "symmetric", "rate": 0.4},
        {"type": "scale", "preset": "mid"},
        {"type": "missing", "rate": 0.1},
        {"type": "bogus", "rate": 0.1},
    ],
}


class Golden(NamedTuple):
    """The hashes of one case: of the noisy file and of its manifest."""

    annotations: str
    manifest: str


def golden_specs(document: CocoDocument) -> Iterator[tuple[str, NoiseSpec]]:
    """Every case with its name, e.g. "symmetric-0.4/seed-1"."""
    names = [category["name"] for category in document["categories"]]
    raw = dict(_STEPS)
    table = AnnotationTable.of(document)
    stated = {step["type"] for step in raw.values() if isinstance(step, dict)}
    for name, kind in NOISE_TYPES.items():
        raw |= {f"{name}-{p}": {"type": name, "preset": p} for p in kind.presets}
        if not kind.presets and name not in stated:
            rate = {"rate": 0.4} if "rate" in kind.parameters else {}
            label = f"{name}-0.4" if rate else name
            raw[label] = {"type": name, **rate, **kind.trial(table)}
    cases: dict[str, tuple[NoiseStep, ...]] = {
        label: parse_steps(steps, names, f"golden {label}") for label, steps in raw.items()
    }
    for label, steps in cases.items():
        for seed in SEEDS:
            yield f"{label}/seed-{seed}", NoiseSpec(steps=steps, seed=seed)


def make_golden() -> dict[str, Golden]:
    """The hashes that this machine makes."""
    document = read_annotations(SAMPLE)
    found: dict[str, Golden] = {}
    with tempfile.TemporaryDirectory() as folder:
        for label, spec in golden_specs(document):
            out = Path(folder) / f"{len(found)}.json"
            make(SAMPLE, out, spec)
            found[label] = Golden(sha256_file(out), sha256_file(manifest_path(out)))
    return found


def read_golden() -> dict[str, Golden]:
    """The shipped hashes."""
    return {label: Golden(*pair) for label, pair in orjson.loads(HASHES.read_bytes()).items()}


def differences(found: Mapping[str, Golden]) -> list[tuple[str, str]]:
    """Case and part ("annotations" or "manifest") of every hash that is not the shipped one."""
    shipped = read_golden()
    return [
        (label, part)
        for label in sorted(shipped.keys() | found.keys())
        for part in Golden._fields
        if getattr(shipped.get(label), part, None) != getattr(found.get(label), part, None)
    ]
