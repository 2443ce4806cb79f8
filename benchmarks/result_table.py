"""The table of all benchmarks, as Markdown and as JSON, and the machine that it is of."""

import os
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from outcome import MISSED, ROOT, Outcome

PACKAGES = ("noisyseg", "numpy", "orjson", "torch", "onedl-mmdetection", "ray", "hotcoco")
BUSY = 0.5  # load at which a machine is no longer idle


def this_machine() -> dict[str, Any]:
    """Processor, cores, system, versions, load and date; asked before anything is measured."""
    versions = {}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        "cpu": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_GB": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9),
        "system": platform.platform(aliased=True, terse=True),
        "python": platform.python_version(),
        "packages": versions,
        "commit": _commit(),
        "load_before": round(os.getloadavg()[0], 2),
        "date": datetime.now(timezone.utc).date().isoformat(),
    }


def document(outcomes: Sequence[Outcome], machine: Mapping[str, Any], form: str) -> dict[str, Any]:
    """Everything, for the JSON file; form is `quick` or `full`."""
    return {"form": form, "machine": machine, "benchmarks": [asdict(one) for one in outcomes]}


def markdown(outcomes: Sequence[Outcome], machine: Mapping[str, Any], form: str) -> str:
    """The table, below what it is of."""
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    seconds = sum(one.seconds for one in outcomes)
    lines = [
        "# What the benchmarks found",
        "",
        f"Written by `make bench`: {seconds:.0f} s together, {machine['date']}, commit "
        f"{machine['commit']}.",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_GB']} GB, "
        f"{machine['system']}; Python {machine['python']}, {packages}. Load before: "
        f"{machine['load_before']:g}{_warning(machine)}.",
        "",
        "The ratio is what noisyseg takes over what the rival takes, or the bound: less is better.",
        "",
        "| benchmark | what | figure | ratio | rival or bound | form | bound kept |",
        "|:---|:---|---:|---:|:---|:---|:---|",
        *(row for one in outcomes for row in _rows(one, form)),
    ]
    return "\n".join(lines) + "\n"


def _rows(one: Outcome, form: str) -> Iterator[str]:
    for figure in one.figures:
        kept = {None: "—", True: "yes", False: "NO"}[figure.kept]
        yield (
            f"| {one.benchmark} | {_cell(figure.what)} | {figure.figure} | {figure.ratio:.2f} | "
            f"{_cell(figure.rival)} | {form} | {kept} |"
        )
    if one.why is not None and not (one.status == MISSED and one.figures):
        yield f"| {one.benchmark} | {one.status}: {_cell(one.why)} | — | — | — | — | — |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _warning(machine: Mapping[str, Any]) -> str:
    busy = machine["load_before"] > BUSY
    return " (**not idle: figures are worse than they would be**)" if busy else ""


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+changes", "--exclude=*"]
    with suppress(OSError):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip() or "unknown"
    return "unknown"
