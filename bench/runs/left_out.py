"""Records that a suite's table leaves out though they look like its own: of other versions, say."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from noisyseg.bench.runs.recorded_specs import spec_in
from noisyseg.bench.runs.run import Run
from noisyseg.files import sorted_json
from noisyseg.results.records.store import RECORD_NAME, RunStore, folders_in
from noisyseg.shared_work import in_parts

_PARTS = ("schema", "data", "protocol", "model", "method", "training", "eval")


def left_out(runs: Sequence[Run], store: RunStore) -> list[str]:
    """What the store holds of the suite's data sets, methods, noise and seeds under other keys.

    Args:
        runs: of the suite.
        store: where they lie.

    Returns:
        A line for each way in which such records differ; none is averaged into a table.
    """
    keys = {run.key for run in runs}
    own = {_likeness(run.spec): run.spec for run in runs}

    def differing(folders: Sequence[str]) -> Counter[str]:
        found: Counter[str] = Counter()
        for path in folders:
            if os.path.basename(path) in keys or not os.path.isfile(f"{path}/{RECORD_NAME}"):
                continue
            spec = spec_in(path)
            like = None if spec is None else own.get(_likeness(spec))
            if spec is not None and like is not None:
                found[_difference(spec, like)] += 1
        return found

    methods = dict.fromkeys(run.folder.parent for run in runs)
    folders = [path for method in methods for path in folders_in(method)]
    found = sum(in_parts(differing, folders), Counter[str]())
    return [
        f"left out: {count} record{'s' if count > 1 else ''} in {store.root} of the same methods, "
        f"noise and seeds, but of another {what}"
        for what, count in sorted(found.items())
    ]


def _likeness(spec: Mapping[str, Any]) -> bytes:
    """What makes a record look like one of the suite's."""
    steps = [{**step, "version": None} for step in (spec["noise"] or {}).get("steps", ())]
    seeds = (spec["noise"] or {}).get("seed"), spec["train_seed"]
    method = spec["method"]["name"], spec["method"].get("parameters")
    likeness = [spec["data"]["name"], *method, steps, *seeds]
    return sorted_json(likeness)


def _difference(spec: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    parts = [part for part in _PARTS if spec.get(part) != own.get(part)]
    if spec["noise"] != own["noise"]:
        parts.append("noise")
    named = [_named(part, spec) for part in parts]
    return " and ".join(named) or "kind"


def _named(part: str, spec: Mapping[str, Any]) -> str:
    value = spec.get(part)
    if not isinstance(value, Mapping):
        return part
    name, version = value.get("name"), value.get("version")
    text = part if name is None else f"{part} ({name}"
    if version is not None and name is not None:
        text += f", version {version}"
    return text + (")" if name is not None else "")
