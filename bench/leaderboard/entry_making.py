"""From a bundle that was accepted to an entry of the leaderboard, and into a published folder."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from noisyseg.bench.leaderboard.checks.installed import Installed
from noisyseg.bench.leaderboard.checks.run_checks import RunFound
from noisyseg.bench.leaderboard.verdict import Verdict, verdict_document
from noisyseg.bench.leaderboard.verification import Verified
from noisyseg.errors import InputError
from noisyseg.files import canonical_json, sha256_file, write_atomically
from noisyseg.results.leaderboard.entry import (
    FILE,
    FORMAT,
    BundleFile,
    Checks,
    ClassPrecision,
    Entry,
    EntryRun,
    MethodSpec,
    Protocol,
    Setting,
    encoded_draws,
    encoded_entry,
    entry_id,
    ground_of,
    parse_entry,
    read_entry,
    write_entry,
)
from noisyseg.results.leaderboard.published import BUNDLE, FOLDER
from noisyseg.results.records.metrics import METRICS, metric_value

VERDICT = "verdict.json"
_FAMILIES = {"MaskRCNN": "Mask R-CNN", "CascadeRCNN": "Cascade Mask R-CNN"}


def entry_of(verified: Verified, *, date: str | None = None, included: bool = True) -> Entry:
    """The entry that an accepted bundle makes.

    Args:
        verified: with data and draws.
        date: None: of the newest run's end; today for an imported one, which has no records.
        included: whether the bundle is published beside the entry.

    Raises:
        InputError: it was refused, or verified without data.
    """
    papers, installed, verdict = verified.papers, verified.installed, verified.verdict
    if not verdict.accepted or not verdict.with_data or papers is None or installed is None:
        raise InputError("only a bundle that is accepted with the data at hand makes an entry.")
    assert verdict.sha256 is not None  # an archive of unknown hash is not accepted
    contents, common, method = papers.contents, installed.common, papers.stated.method
    return Entry(
        format=FORMAT,
        id=entry_id(contents.method, contents.suite, verdict.sha256),
        kind="verified" if contents.kind == "trained" else "imported",
        date=date or _newest(verified.runs) or datetime.now(timezone.utc).date().isoformat(),
        card=dict(papers.card),
        bundle=BundleFile(sha256=verdict.sha256, bytes=verdict.bytes, included=included),
        suite=contents.suite,
        data=common["data"]["name"],
        model=common["model"]["name"],
        family=_family(common["model"]),
        protocol=Protocol(
            name=common["protocol"]["name"], version=common["protocol"].get("version")
        ),
        method=MethodSpec(
            name=method["name"],
            version=method.get("version"),
            file_sha256=method.get("file_sha256"),
            parameters=method.get("parameters") or {},
        ),
        ground=ground_of(dict(common)),
        versions={
            "training": common["training"],
            "eval": common["eval"],
            "noisyseg": contents.noisyseg,
        },
        settings=_settings(verified.runs, installed),
        reported={},
        source=None,
        checks=_checks(verdict),
    )


def publish(verified: Verified, bundle: Path, published: Path, entry: Entry) -> Path:
    """Lay an entry, its verdict and its bundle into a published folder; gives the entry's folder.

    Raises:
        InputError: an entry of that name is there with another bundle, or cannot be read; the
            bundle has changed; the folder cannot be written to.
    """
    place = published / FOLDER / entry.id
    parse_entry(encoded_entry(entry), place / FILE)  # one that cannot be read stops every build
    if (place / FILE).exists() and _bundle_of(place) != verified.verdict.sha256:
        raise InputError(f"{place} is another bundle's entry: entries are never overwritten.")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if entry.bundle is not None and entry.bundle.included:
            _lay_down(bundle, place, entry.bundle.sha256)
    except OSError as error:
        raise InputError(f"cannot write {place}: {error.strerror}.") from error
    verdict = canonical_json(verdict_document(verified.verdict)) + b"\n"
    write_atomically(place / VERDICT, verdict)
    write_entry(place, entry)
    return place


def _bundle_of(place: Path) -> str | None:
    """SHA-256 of the bundle that an entry was made from."""
    bundle = read_entry(place / FILE).bundle
    return None if bundle is None else bundle.sha256


def _lay_down(bundle: Path, place: Path, sha256: str) -> None:
    with tempfile.TemporaryDirectory(prefix=".publishing-", dir=place.parent) as work:
        copy = Path(shutil.copyfile(bundle, Path(work, BUNDLE)))
        if sha256_file(copy) != sha256:
            raise InputError(f"{bundle} has changed since it was verified: start again.")
        place.mkdir(exist_ok=True)
        copy.replace(place / BUNDLE)


def _newest(runs: Sequence[RunFound]) -> str | None:
    ends = [run.record["finished"][:10] for run in runs if run.record is not None]
    return max(ends, default=None)


def _family(model: Mapping[str, Any]) -> str:
    kind = str(model["detector"].get("type"))
    return _FAMILIES.get(kind, kind)


def _settings(runs: Sequence[RunFound], installed: Installed) -> dict[str, Setting]:
    labels = dict.fromkeys(run.cell.noise for run in runs)
    return {
        label: _setting(label, [run for run in runs if run.cell.noise == label], installed)
        for label in labels
    }


def _setting(label: str, runs: Sequence[RunFound], installed: Installed) -> Setting:
    steps = installed.settings[label]
    resolved = None if steps is None else [dict(step.resolved()) for step in steps]
    assert installed.data is not None
    return Setting(
        noise=None if resolved is None else {"steps": resolved},
        rate=_rate(resolved),
        images=installed.data.eval_images,
        runs=[_run(run) for run in runs],
    )


def _rate(steps: Sequence[Mapping[str, Any]] | None) -> float | None:
    if steps is None:
        return 0.0
    rate = steps[0].get("rate") if len(steps) == 1 else None
    return float(rate) if isinstance(rate, int | float) else None


def _run(run: RunFound) -> EntryRun:
    assert run.metrics is not None
    return EntryRun(
        key=run.key,
        noise_seed=run.cell.noise_seed,
        train_seed=None if run.record is None else run.cell.train_seed,
        finished=None if run.record is None else run.record["finished"],
        metrics={**{name: metric_value(run.metrics, name) for name in METRICS}, **run.logged},
        per_class={
            name: ClassPrecision(segm=values["segm"], bbox=values["bbox"])
            for name, values in run.metrics["per_class"].items()
        },
        checksums=dict(run.checksums),
        draws=None if run.draws is None else encoded_draws(run.draws),
    )


def _checks(verdict: Verdict) -> Checks:
    def said(state: Any) -> list[str]:
        texts = Counter(
            f"{check.what}{f': {check.detail}' if check.detail else ''}"
            for check in verdict.of(state)
        )
        return [text if count == 1 else f"{text} ({count} runs)" for text, count in texts.items()]

    return Checks(
        holds=len(verdict.of("holds")),
        remarks=said("remark"),
        unchecked=said("unchecked"),
        claimed=said("claimed"),
    )
