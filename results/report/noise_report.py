"""The report on a noisy annotation file: one self-contained HTML page, and its figures as PNGs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noisyseg.errors import InputError
from noisyseg.files import write_atomically
from noisyseg.results.figures.noise_examples import COLOURS, Document, Examples, examples
from noisyseg.results.figures.noise_figures import (
    counts_figure,
    most_changed,
    overlap_figure,
    rates_figure,
    transition_figure,
)
from noisyseg.results.figures.style import DPI
from noisyseg.results.report.page import NONE, filled, picture

_FIGURE = re.compile(r"(rates|expected|transitions|counts|overlaps|example_\d\d)\.png")
_ENTRIES = 12  # of a parameter that is a list or a mapping; a matrix has thousands
_CHANGED = ("flipped", "changed", "removed", "added")  # what a step's report calls its number
# What the table of steps has a column for, or has no room for.
_SHOWN = {
    *("type", "intended_rate", "eligible", "expected_flips", "rate_of_eligible"),
    *("rate_of_eligible_interval", "rate_of_all", "per_class", "expected_matrix", *_CHANGED),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseAudit:
    """What a report is made from.

    Attributes:
        clean, noisy: COCO documents.
        difference: of the two, as JSON-able data: `noise.diff.Difference.as_json()`.
        manifest: of the noise, None if it is not known how the second file was made.
        clean_name, noisy_name: how the page calls the files.
        checksums: label → checksum, as shown.
    """

    clean: Document
    noisy: Document
    difference: Mapping[str, Any]
    manifest: Mapping[str, Any] | None
    clean_name: str
    noisy_name: str
    checksums: Mapping[str, str] = field(default_factory=dict)


def write_noise_report(audit: NoiseAudit, *, out: Path, images: Path | None = None) -> Path:
    """Write the page to `out` and its figures to the folder `<name>_figures` beside it.

    Equal inputs give equal bytes: neither date nor host nor version is in them.

    Args:
        audit: the files and what differs between them.
        out: of the page.
        images: folder of the images, None to show none.

    Returns:
        The folder of the figures.

    Raises:
        InputError: a place that cannot be written to.
    """
    figures = _figures(audit)
    shown = examples(audit.clean, audit.noisy, audit.difference, images)
    for number, example in enumerate(shown.shown, start=1):
        figures[f"example_{number:02}.png"] = example.figure
    page = render_page(audit, figures, shown)
    folder = out.with_name(f"{out.stem}_figures")
    if out.is_dir():
        raise InputError(f"{out} is a folder: name the file that the report shall be.")
    for name, data in figures.items():
        write_atomically(folder / name, data)
    for path in folder.glob("*.png"):
        if path.name not in figures and _FIGURE.fullmatch(path.name):
            path.unlink()  # of an earlier report that had more of them
    write_atomically(out, page.encode())
    return folder


def render_page(audit: NoiseAudit, figures: Mapping[str, bytes], shown: Examples) -> str:
    """The page, with every figure in it."""
    difference, manifest = audit.difference, audit.manifest
    overlaps = [change["iou"] for change in difference["geometry_changes"]]
    return filled(
        "noise_report.html.j2",
        {"percent": _percent, "interval": _interval, "count": _count},
        audit=audit,
        difference=difference,
        spec=_spec(manifest),
        steps=_steps(manifest),
        figures={name: picture(data) for name, data in figures.items()},
        widths={name: _css_width(data) for name, data in figures.items()},
        overlaps={"mean": fmean(overlaps), "median": median(overlaps)} if overlaps else None,
        examples=shown,
        colours=COLOURS,
        numbers=_numbers(audit),
    )


def _css_width(content: bytes) -> int:
    """Of a PNG by its header, in pixels of 96 to the inch."""
    return round(int.from_bytes(content[16:20], "big") * 96 / DPI)


def _figures(audit: NoiseAudit) -> dict[str, bytes]:
    difference = audit.difference
    classes = difference["classes"]
    names = [entry["name"] for entry in classes]
    labels = ["clean", "noisy"] if audit.manifest else ["before", "after"]
    figures = {}
    rows = [row for row in _steps(audit.manifest) if row["realised"] is not None]
    if rows:
        figures["rates.png"] = rates_figure(rows)
    law = _expected_matrix(audit.manifest)
    expected = None if law is None else law.tolist()
    found = difference["matrix"] if difference["matched"] else None
    classes_of = {"rows": f"{labels[0]} class", "columns": f"{labels[1]} class"}
    most = most_changed(expected, found)
    for name, matrix in (("expected.png", expected), ("transitions.png", found)):
        if matrix is not None:
            figures[name] = transition_figure(matrix, names, **classes_of, most=most)
    figures["counts.png"] = counts_figure(
        names,
        [entry["before"] for entry in classes],
        [entry["after"] for entry in classes],
        labels,
    )
    if difference["geometry_changes"]:
        overlaps = [change["iou"] for change in difference["geometry_changes"]]
        figures["overlaps.png"] = overlap_figure(overlaps)
    return figures


def _expected_matrix(manifest: Mapping[str, Any] | None) -> NDArray[np.float64] | None:
    """The law of all steps of class noise together; None if there is none, or it is not known."""
    if manifest is None:
        return None
    laws = [step["expected_matrix"] for step in manifest["steps"] if "expected_matrix" in step]
    if not laws or any(law is None for law in laws):
        return None
    product = np.array(laws[0], dtype=np.float64)
    for law in laws[1:]:
        # Not @: how BLAS adds, and so the last bits, is the machine's own.
        product = (product[:, :, None] * np.array(law)[None, :, :]).sum(axis=1)
    return product


def _numbers(audit: NoiseAudit) -> list[tuple[str, int]]:
    difference = audit.difference
    return [
        ("images", len(audit.clean["images"])),
        (f"annotations of {audit.clean_name}", difference["before"]),
        (f"annotations of {audit.noisy_name}", difference["after"]),
        ("class changed", len(difference["class_changes"])),
        ("shape changed", len(difference["geometry_changes"])),
        ("removed", len(difference["removed"])),
        ("added", len(difference["added"])),
    ]


def _spec(manifest: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    if manifest is None:
        return []
    steps = []
    for step in manifest["spec"]["steps"]:
        parameters = {key: value for key, value in step.items() if key not in ("type", "version")}
        steps.append(
            {
                "type": step["type"],
                "version": step["version"],
                "parameters": {key: _brief(value) for key, value in sorted(parameters.items())},
            }
        )
    return steps


def _steps(manifest: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """A row for each step: rates are None where the step's report has none."""
    if manifest is None:
        return []
    rows = []
    for number, report in enumerate(manifest["steps"], start=1):
        eligible, foreseen = report.get("eligible"), report.get("expected_flips")
        others = {key: value for key, value in report.items() if key not in _SHOWN}
        rows.append(
            {
                "label": f"{number}. {report['type']}",
                "intended": report.get("intended_rate"),
                "expected": foreseen / eligible if foreseen is not None and eligible else None,
                "realised": report.get("rate_of_eligible"),
                "interval": report.get("rate_of_eligible_interval"),
                "changed": next((report[key] for key in _CHANGED if key in report), None),
                "eligible": eligible,
                "of_all": report.get("rate_of_all"),
                "others": {key: _brief(value) for key, value in sorted(others.items())},
            }
        )
    return rows


def _brief(value: Any) -> str:
    """A parameter in a line; a long list or mapping by its length."""
    if isinstance(value, Mapping):
        if set(value) == {"classes", "rows"}:
            return f"a {len(value['rows'])} × {len(value['rows'])} matrix"
        if len(value) > _ENTRIES:
            return f"{len(value)} entries"
        return ", ".join(f"{key} → {_brief(entry)}" for key, entry in value.items()) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) > _ENTRIES:
            return f"{len(value)} entries"
        return ", ".join(map(_brief, value)) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: NONE}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def _percent(share: float | None) -> str:
    if share is None:
        return NONE
    return f"{100 * share:.2f} %" if 0 < share < 0.1 else f"{100 * share:.1f} %"


def _interval(limits: Sequence[float] | None) -> str:
    return "" if limits is None else f"{100 * limits[0]:.1f} – {100 * limits[1]:.1f} %"


def _count(number: int | None) -> str:
    return NONE if number is None else f"{number:,}".replace(",", "\u202f")
