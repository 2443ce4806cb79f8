"""A method's runs of a suite in one file, a bundle, whose bytes follow from runs and card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import noisyseg
from noisyseg.bench.config.suite import Suite
from noisyseg.bench.leaderboard.checks.claims import summaries
from noisyseg.bench.leaderboard.contents import (
    BUNDLE,
    CARD,
    FORMAT,
    SUITE,
    Claim,
    Contents,
    FileEntry,
    RunEntry,
    SuiteContents,
    Versions,
    encode,
    parse_contents,
    parse_suite,
)
from noisyseg.bench.leaderboard.limits import LIMITS
from noisyseg.bench.leaderboard.sound_runs import SoundRun
from noisyseg.bench.leaderboard.zip_writing import Packed, packed, zip_blocks, zip_size
from noisyseg.bench.runs.run import METHOD, Run
from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes, write_blocks_atomically
from noisyseg.results.leaderboard.card import Card, encode_card


@dataclass(kw_only=True, slots=True, frozen=True)
class Written:
    """What a bundle came to.

    Attributes:
        size: bytes of its file.
    """

    contents: Contents
    size: int


def write_bundle(path: Path, *, suite: Suite, card: Card, runs: Sequence[SoundRun]) -> Written:
    """Write the bundle of a method's runs, whole or not at all; the same runs give the same bytes.

    Args:
        path: the file.
        suite: that the runs are of.
        card: of the method.
        runs: all of one method and of one version of the data.

    Raises:
        InputError: the card says other parameters than the runs have, a method's source is not to
            be had, the bundle would be too large, or the file cannot be written.
    """
    about = _of_runs(suite, [sound.run for sound in runs])
    _check_card(card, runs[0].run)
    source = _source(runs)
    own = {CARD: encode_card(card), SUITE: encode(about)} | ({METHOD: source} if source else {})
    files = [packed(name, content) for name, content in own.items()]
    files += [file for sound in runs for file in sound.files]
    contents = Contents(
        format=FORMAT,
        noisyseg=noisyseg.__version__,
        suite=suite.name,
        method=card["method"],
        kind="trained",
        runs=[_entry(sound.run) for sound in runs],
        claims=_claims(runs),
        files={file.name: FileEntry(sha256=file.sha256, bytes=file.size) for file in files},
    )
    parse_suite(encode(about))
    return write_archive(path, contents, files)


def write_archive(path: Path, contents: Contents, files: Sequence[Packed]) -> Written:
    """Write the zip of a bundle.json and its files.

    Raises:
        InputError: it says what no bundle may, would be too large, or cannot be written.
    """
    data = encode(contents)
    parse_contents(data)
    files = [packed(BUNDLE, data), *files]
    for file in files:
        if file.size > LIMITS.member:
            raise InputError(
                f"{file.name} has {file.size} bytes: a bundle's files have at most {LIMITS.member}."
            )
    size = zip_size(files)
    if size > LIMITS.archive:
        raise InputError(
            f"the bundle would have {size} bytes; at most {LIMITS.archive} are read: submit fewer "
            "settings or seeds (--noise, --seeds)."
        )
    write_blocks_atomically(path, zip_blocks(files))
    return Written(contents=contents, size=size)


def suite_contents(
    suite: Suite,
    common: Mapping[str, Any],
    noise: Mapping[str, Mapping[str, Any] | None],
    method: Mapping[str, Any],
) -> SuiteContents:
    """What a method's runs stand on.

    Args:
        suite: that they are of.
        common: what their specs have alike: schema, data, protocol, model, training, eval.
        noise: label → as specs have it, of which `steps` is taken; None for clean.
        method: as specs have it.
    """
    return SuiteContents(
        format=FORMAT,
        name=suite.name,
        title=suite.title,
        variant=suite.variant,
        data=dict(common["data"]),
        protocol=dict(common["protocol"]),
        model=dict(common["model"]),
        noise={
            label: None if own is None else [dict(step) for step in own["steps"]]
            for label, own in noise.items()
        },
        versions=Versions(
            schema=common["schema"], training=dict(common["training"]), eval=dict(common["eval"])
        ),
        method=dict(method),
    )


def _of_runs(suite: Suite, runs: Sequence[Run]) -> SuiteContents:
    """What the runs of a method stand on, by their specs.

    Raises:
        InputError: they stand on several things.
    """
    spec: Mapping[str, Any] = runs[0].spec
    for part in ("data", "protocol", "model", "method", "schema", "training", "eval"):
        if any(dict(run.spec)[part] != spec[part] for run in runs):
            raise InputError(f"{suite.name}: the runs are not of the same {part}.")
    noise = {run.noise_label: run.spec["noise"] for run in runs}
    return suite_contents(suite, spec, noise, spec["method"])


def _claims(runs: Sequence[SoundRun]) -> dict[str, dict[str, Claim]]:
    """What the runs come to, by the label of their noise setting."""
    metrics: dict[str, list[Mapping[str, Any]]] = {}
    for sound in runs:
        metrics.setdefault(sound.run.noise_label, []).append(sound.record["metrics"])
    return {label: summaries(found) for label, found in metrics.items()}


def _entry(run: Run) -> RunEntry:
    return RunEntry(
        key=run.key, noise=run.noise_label, noise_seed=run.noise_seed, train_seed=run.seed
    )


def _check_card(card: Card, run: Run) -> None:
    """The card's parameters are those that the runs were trained with."""
    said, trained = card["parameters"], dict(run.spec["method"]["parameters"])
    if said == trained:
        return
    wrong = [
        f"{name} is {_value(trained, name)}, on the card {_value(said, name)}"
        for name in sorted({*said, *trained})
        if said.get(name) != trained.get(name)
    ]
    raise InputError(
        f"the card's parameters are not those of the runs: {'; '.join(wrong)}. `noisyseg "
        "leaderboard card` fills them in."
    )


def _value(parameters: Mapping[str, object], name: str) -> str:
    return repr(parameters[name]) if name in parameters else "left out"


def _source(runs: Sequence[SoundRun]) -> bytes | None:
    """The file of a method of somebody's own; None of a built-in.

    Raises:
        InputError: it is not to be had.
    """
    run = runs[0].run
    wanted = run.spec["method"].get("file_sha256")
    if wanted is None:
        return None
    if run.method_source is not None and sha256_bytes(run.method_source.content) == wanted:
        return run.method_source.content
    for place in (sound.run.folder / METHOD for sound in runs):
        content = place.read_bytes() if place.is_file() else b""
        if sha256_bytes(content) == wanted:
            return content
    raise InputError(
        f"the source of {run.method_label} (SHA-256 {wanted[:16]}…) is in no run's folder: name "
        "its file by --method-file PATH.py:NAME."
    )
