"""What a type of noise must do, one check a function."""

import copy
import pickle
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from noisyseg.annotation_files.document import check_document, encode_annotations, is_written_alike
from noisyseg.contract import BrokenError, require
from noisyseg.errors import InputError
from noisyseg.noise import operations
from noisyseg.noise.contract.rates import rates
from noisyseg.noise.contract.shapes import shapes
from noisyseg.noise.contract.trial import RATE, Trial, by_id, differing, foreign_generators
from noisyseg.noise.families.class_noise import ClassNoise
from noisyseg.noise.families.family import Family
from noisyseg.noise.families.geometry_noise import GeometryNoise
from noisyseg.noise.families.presence_noise import AdditionNoise

FEW = RATE / 2


def _is_noise(trial: Trial) -> None:
    noisy, _ = trial.noisy()
    try:
        check_document(noisy, "the noisy annotations")
        encode_annotations(noisy)
    except InputError as error:
        raise BrokenError(f"what it makes is no annotation file: {error}") from error
    require(
        differing(trial.clean, by_id(noisy)),
        f"it changed none of {len(trial.clean)} annotations"
        + (f" at a rate of {RATE}" if "rate" in trial.kind.parameters else ""),
    )


def _determinism(trial: Trial) -> None:
    one, other = (trial.noisy(foreign_seed=seed) for seed in (1, 2))
    require(one == other, "the same seed gives other noise a second time: draw by `StepDraws`")
    with foreign_generators(3):
        before = _generators()
        trial.kind.family.step(
            trial.step(),
            copy.deepcopy(trial.document),
            trial.draws(),
            largest_id=max(trial.clean),
            workers=1,
        )
        after = _generators()
    require(before == after, "it draws from Python's or NumPy's generators: draw by `StepDraws`")


def _generators() -> tuple[Any, ...]:
    """What Python's and NumPy's generators will draw next."""
    state = np.random.get_state(legacy=False)["state"]
    return random.getstate(), state["key"].tolist(), state["pos"]


def _seeds(trial: Trial) -> None:
    found = [by_id(trial.noisy(seed=seed)[0]) for seed in (0, 1)]
    require(differing(*found), "another seed gives the same noise")


def _annotations_by_themselves(trial: Trial) -> None:
    whole = by_id(trial.noisy()[0])
    entries = trial.document["annotations"]
    turned = by_id(trial.of(entries[::-1]).noisy()[0])
    others = differing(whole, turned)
    require(
        not others,
        f"in another order of the annotations {len(others)} of them are changed otherwise: draw "
        "by id, not by place",
    )
    if not isinstance(trial.kind.family, ClassNoise | GeometryNoise):
        return
    kept = entries[::2]
    few = by_id(trial.of(kept).noisy()[0])
    others = differing({entry["id"]: whole[entry["id"]] for entry in kept}, few)
    require(
        not others,
        f"without every other annotation {len(others)} of {len(kept)} are changed otherwise: an "
        "annotation's noise may know nothing of the others",
    )


def _nesting(trial: Trial) -> str | None:
    if "rate" not in trial.kind.parameters or not trial.kind.nests:
        return "not said to nest" if not trial.kind.nests else "it has no rate"
    clean = trial.clean
    few, many = (by_id(trial.noisy(rate=rate)[0]) for rate in (FEW, RATE))
    changed = differing(clean, few)
    lost = [number for number in changed if few.get(number) != many.get(number)]
    require(
        not lost,
        f"of {len(changed)} annotations that change at a rate of {FEW}, {len(lost)} are others at "
        f"{RATE}: compare a draw with the rate, or say nests=False",
    )
    return None


def _inversion(trial: Trial) -> None:
    with tempfile.TemporaryDirectory() as name:
        clean, noisy, back = (Path(name) / f"{part}.json" for part in ("clean", "noisy", "back"))
        clean.write_bytes(encode_annotations(trial.document))
        operations.make(clean, noisy, trial.spec())
        try:
            operations.invert(noisy, operations.manifest_path(noisy), back)
        except InputError as error:
            raise BrokenError(f"its manifest does not undo it: {error}") from error
        # Other masks and boxes are written anew, and then keys may stand in another order.
        alike = is_written_alike(*(orjson.loads(file.read_bytes()) for file in (clean, back)))
        same = clean.read_bytes() == back.read_bytes()
        wanted = same if isinstance(trial.kind.family, ClassNoise) else alike
        require(wanted, "its manifest gives back another file than the clean one")


def _crowds(trial: Trial) -> None:
    step = trial.step()
    if step.parameters.get("crowds"):
        return
    noisy = by_id(trial.noisy()[0])
    touched = [n for n, entry in trial.clean.items() if entry["iscrowd"] and noisy.get(n) != entry]
    require(
        not touched,
        f"it changes {len(touched)} crowd annotations, which noise leaves alone unless a parameter "
        "`crowds` says otherwise: see `Scene.eligible`",
    )


def _processes(trial: Trial) -> None:
    family = trial.kind.family
    assert isinstance(family, GeometryNoise)
    try:
        pickle.dumps(family.change)
    except Exception as error:
        raise BrokenError(
            f"its function cannot be given to other processes ({error}): define it at the top "
            "level of its module"
        ) from error


CheckFunction = Callable[[Trial], str | None]

CHECKS: dict[str, tuple[CheckFunction, type[Family] | tuple[type[Family], ...]]] = {
    "noise on annotations": (_is_noise, Family),
    "determinism": (_determinism, Family),
    "seeds differ": (_seeds, Family),
    "annotations by themselves": (_annotations_by_themselves, Family),
    "nesting in the rate": (_nesting, Family),
    "rates": (rates, Family),
    "inversion by the manifest": (_inversion, Family),
    "crowds left alone": (_crowds, Family),
    "boxes, areas and masks": (shapes, (GeometryNoise, AdditionNoise)),
    "other processes": (_processes, GeometryNoise),
}
"""What is tried, and of which families."""
