"""Entries of the leaderboard made up, for its benchmark and its tests: no data, no training."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from noisyseg.results.leaderboard.entry import (
    DRAWS,
    FORMAT,
    LOGGED,
    BundleFile,
    Checks,
    ClassPrecision,
    Entry,
    EntryRun,
    MethodSpec,
    Protocol,
    Setting,
    encoded_draws,
)
from noisyseg.results.records.metrics import METRICS

CLASSES = ("disk", "ring", "square", "triangle")
LEVELS = {"clean": 28.0, "sym40": 18.0, "asym40": 21.0}
"""Noise setting → the mask AP around which entries lie."""


def noise_of(label: str) -> tuple[dict[str, Any] | None, float]:
    """The noise and the rate that a label such as sym40 stands for."""
    if label == "clean":
        return None, 0.0
    rate = int(label[-2:]) / 100
    kind = {"sym": "symmetric", "asym": "asymmetric"}[label[:-2]]
    step: dict[str, Any] = {
        "type": kind,
        "version": 2,
        "rate": rate,
        "convention": "paper",
        "crowds": False,
    }
    if kind == "asymmetric":
        step["map"] = {"disk": "ring", "ring": "disk", "square": "triangle"}
    return {"steps": [step]}, rate


def made_entry(
    name: str = "ce",
    *,
    levels: Mapping[str, float] = LEVELS,
    seeds: Iterable[int] = range(3),
    sd: float = 0.8,
    spread: int = 0,
    **changes: Any,
) -> Entry:
    """A verified entry of a method around these levels; equal arguments give an equal entry.

    Args:
        name: of the method.
        levels: noise setting → mask AP.
        seeds: of noise and training.
        sd: of mask AP over seeds.
        spread: of the random numbers; another one makes another entry.
        changes: fields of the entry that are to be others.
    """
    rng = np.random.default_rng([spread, *name.encode()])
    seeds = list(seeds)
    digest = rng.bytes(32).hex()
    settings = {}
    for label, level in levels.items():
        noise, rate = noise_of(label)
        runs = [_run(rng, level, sd, seed, label) for seed in seeds]
        settings[label] = Setting(noise=noise, rate=rate, images=100, runs=runs)
    fields: dict[str, Any] = {
        "format": FORMAT,
        "id": f"{name}-quick-{digest[:8]}",
        "kind": "verified",
        "date": "2026-11-27",
        "card": _card(name),
        "bundle": BundleFile(sha256=digest, bytes=123456, included=False),
        "suite": "quick",
        "data": "shapes",
        "model": "mask-rcnn-tiny",
        "family": "Mask R-CNN",
        "protocol": Protocol(name="shapes-cpu", version=2),
        "method": MethodSpec(name=name, version=1, file_sha256=None, parameters={"q": 0.3}),
        "ground": "0123456789abcdef",
        "versions": {"training": {"version": 1}, "eval": {"version": 1}, "noisyseg": "0.1.0"},
        "settings": settings,
        "reported": {},
        "source": None,
        "checks": Checks(holds=63, remarks=[], unchecked=[], claimed=["Trained as claimed."]),
    }
    return Entry(**{**fields, **changes})


def _card(name: str) -> dict[str, Any]:
    return {
        "format": 1,
        "name": name,
        "method": name,
        "authors": ["A. Person", "B. Person"],
        "paper": {"title": "A paper", "url": "https://example.org/paper", "year": 2020},
        "code": "https://example.org/code",
        "licence": "Apache-2.0",
        "summary": "A loss.",
        "parameters": {"q": 0.3},
        "tuned_on": "nothing",
        "extra_data": None,
        "pretrained": None,
    }


def _run(rng: np.random.Generator, level: float, sd: float, seed: int, label: str) -> EntryRun:
    # What a seed and what a draw of images do to all methods alike.
    common = np.random.default_rng([seed, *label.encode()])
    images = np.random.default_rng([7, *label.encode()]).normal(size=DRAWS)
    own = float(max(0.0, level + 0.5 * sd * common.normal() + sd * rng.normal()))
    names = list(METRICS)
    values = np.clip(own + np.arange(len(names)), 0, 100)
    values[names.index("segm.AP")] = own
    wrong = {name: float(20 + 60 * rng.random()) for name in LOGGED}
    logged = {} if label == "clean" else wrong
    per_class = np.clip(own + 4 * rng.normal(size=(len(CLASSES), 2)), 0, 100)
    return EntryRun(
        key=rng.bytes(8).hex(),
        noise_seed=None if label == "clean" else seed,
        train_seed=seed,
        finished="2026-11-27T10:00:00+00:00",
        metrics=dict(zip(names, values.tolist(), strict=True)) | logged,
        per_class={
            name: ClassPrecision(segm=segm, bbox=bbox)
            for name, (segm, bbox) in zip(CLASSES, per_class.tolist(), strict=True)
        },
        checksums={
            "predictions": rng.bytes(32).hex(),
            "log": rng.bytes(32).hex(),
            "manifest": None if label == "clean" else common.bytes(32).hex(),
            "noisy_annotations": None if label == "clean" else common.bytes(32).hex(),
        },
        draws=encoded_draws(own + images + rng.normal(scale=0.5, size=DRAWS)),
    )
