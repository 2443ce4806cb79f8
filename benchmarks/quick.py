r"""A whole suite, start to table, by this checkout and by an earlier commit: time and APs.

    python benchmarks/quick.py --against 7f523ac                          quick, 11 minutes a round
    python benchmarks/quick.py --against 7f523ac \
        --options="--methods ce,lsr,jol,gce,sce,lncis --seeds 0,1,2"      36 pairs of APs
    python benchmarks/quick.py --against 7f523ac --suite smoke            a try

Of quick, the twelve runs of six methods with seed 0, which it once was: the same ones for both.
Each is called as a user calls it, with this Python, in turn, a round at a time: a fresh folder of
runs and a fresh cache of the built-in data set. The earlier commit is a clone in a temporary
folder; what it needs and this environment lacks is installed beside it. Every record tells the
commit that its run was made by. CPU seconds are those of all processes, Ray's included.

Exit status 1 if the median ratio of wall seconds is above the bound. Leave the machine alone
meanwhile.
"""

import argparse
import compileall
import json
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from process_tree import TreeSeconds
from scipy import stats

ROOT = Path(__file__).resolve().parents[1]
BOUND = 0.6
TWELVE = "--methods ce,lsr,jol,gce,sce,lncis --seeds 0"
NOW, BEFORE = "this checkout", "the earlier commit"


@dataclass(kw_only=True, slots=True, frozen=True)
class Checkout:
    """A noisyseg to call, its commit, and where it finds what the environment lacks."""

    folder: Path
    commit: str
    packages: Path | None = None


@dataclass(kw_only=True, slots=True, frozen=True)
class Call:
    """What a call took and found.

    Attributes:
        aps: mask AP (%) by method, noise and train seed.
    """

    wall: float
    cpu: float
    aps: dict[str, float]


def earlier(commit: str, folder: Path) -> Checkout:
    """A clone at the commit, and the packages of its that are not here."""
    clone = folder / "clone"
    run(["git", "clone", "--quiet", "--shared", str(ROOT), str(clone)])
    run(["git", "-C", str(clone), "checkout", "--quiet", commit])
    lacking = [line for line in _required(clone) if not _installed(line)]
    packages = folder / "packages"
    if lacking:
        write(f"installed for it alone: {', '.join(lacking)}")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(packages)]
        run([*pip, *lacking])
    return Checkout(folder=clone, commit=_head(clone), packages=packages if lacking else None)


def _required(folder: Path) -> Iterator[str]:
    """The requirements in a pyproject.toml, those for tests left out; each is a quoted line."""
    text = (folder / "pyproject.toml").read_text()
    for name in ("dependencies", "train"):
        listed = re.search(rf"^{name} = \[$(.*?)^\]$", text, re.MULTILINE | re.DOTALL)
        yield from re.findall(r'"([^"]+)"', listed[1]) if listed else ()


def _installed(requirement: str) -> bool:
    try:
        metadata.version(re.split(r"[\s<>=!~;\[]", requirement)[0])
    except metadata.PackageNotFoundError:
        return False
    return True


def called(checkout: Checkout, suite: str, options: Sequence[str], folder: Path) -> Call:
    """Run the suite into a new folder.

    Raises:
        RuntimeError: the call failed, or its runs were made by another noisyseg.
    """
    out, log = folder / "runs", folder / "output.txt"
    path = [str(checkout.folder), *([str(checkout.packages)] if checkout.packages else [])]
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PYTHONPATH": os.pathsep.join(path),
    }
    command = [sys.executable, "run_benchmark.py", "run", suite, "--out", str(out), *options]
    began = time.perf_counter()
    with TreeSeconds() as cpu, log.open("w") as file:
        status = subprocess.run(
            command, cwd=checkout.folder, env=environment, stdout=file, stderr=file, check=False
        ).returncode
        wall = time.perf_counter() - began
    if status:
        raise RuntimeError(f"{checkout.commit} failed:\n{log.read_text()[-3000:]}")
    aps = {}
    for record in _records(out):
        made_by = record["environment"]["git_commit"].removesuffix("+changes")
        if made_by != checkout.commit:
            raise RuntimeError(f"{checkout.commit} was called, but {made_by} trained.")
        aps[_label(record["spec"])] = record["metrics"]["segm"]["AP"]
    return Call(wall=wall, cpu=cpu.total, aps=aps)


def _records(out: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(out.rglob("record.json")):
        record = json.loads(path.read_bytes())
        if record["status"] != "done":
            raise RuntimeError(f"a run failed: {record['failure']}")
        yield record


def _label(spec: dict[str, Any]) -> str:
    steps = (spec["noise"] or {}).get("steps", ())
    noise = " + ".join(f"{step['type']} {step.get('rate', '')}".strip() for step in steps)
    return f"{spec['method']['name']}, {noise or 'clean'}, seed {spec['train_seed']}"


def ap_rows(now: Call, before: Call) -> Iterator[str]:
    """A line for each run of both, then the mean difference and its 95 % interval."""
    differences = []
    for label in sorted(now.aps.keys() & before.aps.keys()):
        old, new = before.aps[label], now.aps[label]
        differences.append(new - old)
        yield f"{label:<48}{old:>10.2f}{new:>10.2f}{new - old:>+10.2f}"
    alone = now.aps.keys() ^ before.aps.keys()
    yield from (f"{label:<48} in one of them alone" for label in sorted(alone))
    if len(differences) > 1:
        mean, error = np.mean(differences), stats.sem(differences)
        reach = error * stats.t.ppf(0.975, len(differences) - 1)
        interval = f"{mean - reach:+.2f} to {mean + reach:+.2f}"
        yield f"mean difference {mean:+.2f}, 95 % interval {interval}"


def compared(checkouts: dict[str, Checkout], options: argparse.Namespace, folder: Path) -> float:
    """Call both in turn, print their times and APs; the median ratio of wall seconds."""
    calls: dict[str, list[Call]] = {NOW: [], BEFORE: []}
    for number in range(options.rounds):
        # The second round begins with the other one, and so on.
        for name in (NOW, BEFORE) if number % 2 == 0 else (BEFORE, NOW):
            place = folder / f"{number} {name}"
            place.mkdir()
            call = called(checkouts[name], options.suite, shlex.split(options.options), place)
            calls[name].append(call)
            write(f"round {number + 1}, {name}: {call.wall:.1f} s, {call.cpu:.1f} s of CPU")
    write(f"\n{'mask AP (%)':<48}{'before':>10}{'now':>10}{'change':>10}")
    for row in ap_rows(calls[NOW][-1], calls[BEFORE][-1]):
        write(row)
    pairs = list(zip(calls[NOW], calls[BEFORE], strict=True))
    wall, cpu = (
        statistics.median(getattr(now, clock) / getattr(before, clock) for now, before in pairs)
        for clock in ("wall", "cpu")
    )
    write(f"\nCPU seconds: {cpu:.3f} of {checkouts[BEFORE].commit[:7]}'s")
    return wall


def _head(folder: Path) -> str:
    return run(["git", "-C", str(folder), "rev-parse", "HEAD"]).strip()


def run(command: Sequence[str]) -> str:
    """What a command that must succeed prints."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def write(line: str) -> None:
    """A line of the answer, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run with the command line's options; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--against", required=True, metavar="COMMIT")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--suite", default="quick")
    parser.add_argument("--options", help="more of `noisyseg run`, in one argument")
    options = parser.parse_args()
    if options.options is None:
        options.options = TWELVE if options.suite == "quick" else ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before = earlier(options.against, folder)
        checkouts = {NOW: Checkout(folder=ROOT, commit=_head(ROOT)), BEFORE: before}
        for checkout in checkouts.values():
            for room in ("noisyseg", "bench", "noise", "methods", "results"):
                compileall.compile_dir(checkout.folder / room, quiet=1)
        ratio = compared(checkouts, options, folder)
    kept = ratio <= BOUND
    verdict = "kept" if kept else "MISSED"
    write(f"wall seconds: {ratio:.3f} of {before.commit[:7]}'s ({verdict}: {BOUND:.2f})")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
