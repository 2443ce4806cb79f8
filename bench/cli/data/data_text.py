"""What the `data` commands print, as text."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from noisyseg.bench.cli.command_parser import wrapped_command
from noisyseg.bench.datasets.check_report import Report
from noisyseg.bench.datasets.prepared_folder import Ready
from noisyseg.bench.datasets.split import Split
from noisyseg.text_lines import COLUMNS, wrapped


def counts_text(ready: Ready) -> str:
    """Images and annotations of each split."""
    return ", ".join(
        f"{split} {count['images']} images, {count['annotations']} annotations"
        for split, count in ready.counts.items()
    )


def listing_lines(row: Mapping[str, str]) -> list[str]:
    """A data set in the list: its state, and below what it wants and the command that does it."""
    inner = "    "
    head = f"{row['name']:19}  {row['state']}"
    beside = f"{head:33}  {row['detail']}"
    lines = [beside] if len(beside) <= COLUMNS else [head, *wrapped(row["detail"], indent=inner)]
    if row["command"]:
        command = wrapped_command(row["command"], COLUMNS - len(inner))
        lines += [f"{inner}{line}" for line in command.splitlines()]
    return lines


def ready_lines(ready: Ready) -> list[str]:
    """A data set that runs can use: what it holds, where it is, what to know of it."""
    return [
        f"{ready.name}: ready: {counts_text(ready)}",
        *(
            f"  {kind}: {split.annotations}, images in {split.images}"
            for kind, split in (("train", ready.train), ("eval", ready.eval))
        ),
        *(f"  note: {note}" for note in ready.notes),
    ]


def coco_section(name: str, train: Split, evaluation: Split) -> str:
    """The `data` section of a suite that uses two COCO-format files."""
    lines = [
        "in a suite:",
        "  data:",
        "    format: coco",
        f"    name: {json.dumps(name, ensure_ascii=False)}",
    ]
    for kind, split in (("train", train), ("eval", evaluation)):
        lines.append(f"    {kind}:")
        for key, path in (("annotations", split.annotations), ("images", split.images)):
            lines.append(f"      {key}: {_quoted(path)}")
    return "\n".join(lines)


def _quoted(path: Path) -> str:
    return json.dumps(str(path.resolve()), ensure_ascii=False)  # JSON text is YAML, too


def report_json(report: Report) -> dict[str, Any]:
    """A check's report for `--json`."""
    return {
        **{key: getattr(report, key) for key in ("name", "images", "annotations", "sha256")},
        "problems": report.groups(),
        "warnings": report.warnings,
        "remarks": report.remarks,
    }


def report_lines(report: Report) -> list[str]:
    """A check's report for people: what was looked at, remarks, and problems by kind."""
    lines = [f"{report.name}: {report.images} images, {report.annotations} annotations looked at"]
    lines += [f"  SHA-256 {digest}  {path}" for path, digest in report.sha256.items()]
    lines += [f"  remark: {remark}" for remark in report.remarks]
    lines += [f"  WARNING: {warning}" for warning in report.warnings]
    for group in report.groups():
        lines.append(f"  PROBLEM, {group['count']} ×: {group['kind']}")
        lines += [f"    {where}" for where in group["first"]]
        more = group["count"] - len(group["first"])
        if more:
            lines.append(f"    … and {more} more")
        lines.append(f"    what to do: {group['mend']}")
    count = sum(fault.count for fault in report.faults)
    lines.append(f"{count} problem{'s' * (count > 1)}" if count else "nothing to mend")
    return lines
