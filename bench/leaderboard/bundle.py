"""A method's runs of a suite in one file, a bundle, whose bytes follow from runs and card."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import noisyseg
from noisyseg.bench.config.suite import Suite
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
from noisyseg.results.records.metrics import METRICS, metric_value
from noisyseg.results.records.record import Record


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
    about = suite_contents(suite, [sound.run for sound in runs])
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
        claims=claims([(sound.run.noise_label, sound.record) for sound in runs]),
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


def suite_contents(suite: Suite, runs: Sequence[Run]) -> SuiteContents:
    """What the runs of a method stand on, by their specs.

    Raises:
        InputError: they stand on several things.
    """
    parts = ("data", "protocol", "model", "method", "schema", "training", "eval")
    spec = runs[0].spec
    for part in parts:
        if any(run.spec[part] != spec[part] for run in runs):  # type: ignore[literal-required]
            raise InputError(f"{suite.name}: the runs are not of the same {part}.")
    labels = {run.noise_label: run.spec["noise"] for run in runs}
    return SuiteContents(
        format=FORMAT,
        name=suite.name,
        title=suite.title,
        variant=suite.variant,
        data=dict(spec["data"]),
        protocol=dict(spec["protocol"]),
        model=dict(spec["model"]),
        noise={
            label: None if noise is None else list(noise["steps"])
            for label, noise in labels.items()
        },
        versions=Versions(
            schema=spec["schema"], training=dict(spec["training"]), eval=dict(spec["eval"])
        ),
        method=dict(spec["method"]),
    )


def claims(records: Sequence[tuple[str, Record]]) -> dict[str, dict[str, Claim]]:
    """What records come to, by the label of their noise setting.

    Raises:
        InputError: something that is no number in a metric's place.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for label, record in records:
        values = found.setdefault(label, {})
        for metric in METRICS:
            value = metric_value(record["metrics"], metric)
            if value is not None:
                values.setdefault(metric, []).append(value)
    return {
        label: {metric: claim(numbers) for metric, numbers in values.items()}
        for label, values in found.items()
    }


def claim(values: Sequence[float]) -> Claim:
    """Mean and sample standard deviation of at least one number.

    Sums are exact, so that no order and no library shows in the last digit.
    """
    n = len(values)
    mean = math.fsum(values) / n
    squares = math.fsum((value - mean) * (value - mean) for value in values)
    return Claim(n=n, mean=mean, sd=math.sqrt(squares / (n - 1)) if n > 1 else None)


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
