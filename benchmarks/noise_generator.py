"""Time the noise generator against the scripts' way: `python benchmarks/noise_generator.py`.

Symmetric class noise at 40 % on a file of the shape of COCO's train2017 (see `coco_like`), each way
in a process of its own: CPU seconds of that process (user and system, imports included), its peak
memory, both against the file. The scripts' way is json.load, a loop, json.dump; needs about 5 GB.

    python benchmarks/noise_generator.py                  about 5 minutes
    python benchmarks/noise_generator.py --scale 0.01     a quick try, most of it imports; no bounds
    python benchmarks/noise_generator.py --folder F       keep and reuse the file there

Exit status 1 if a bound is missed at full scale.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from coco_like import write_coco_like
from figures import Figure, parsed, write_figures

ROOT = Path(__file__).resolve().parents[1]
TIMES_FASTER, MOST_SECONDS, MOST_MEMORY = 20, 3.0, 1.5

GENERATE = """
import hashlib, sys
from pathlib import Path
from noisyseg.noise.manifest import encode_manifest
from noisyseg.noise.files.noisy_files import hashed, noisy_content
from noisyseg.noise.operations import make
from noisyseg.annotation_files.mapped_file import map_file
from noisyseg.noise.files.scan import scan_annotations
from noisyseg.noise.spec import NoiseSpec, make_step
clean, out = Path(sys.argv[1]), Path(sys.argv[2])
names = [f"c{number}" for number in range(1, 91)]
spec = NoiseSpec(steps=(make_step("symmetric", classes=names, rate=0.4),), seed=0)
"""
MAKE = "make(clean, out, spec)"
MAKE_UNWRITTEN = """
data = map_file(clean)
content = noisy_content(data, str(clean), hashlib.sha256(data).hexdigest(), spec)
digest = hashlib.sha256()
for block in hashed(content.blocks, digest):
    pass
assert content.manifest["writer"] == "digits"
encode_manifest({**content.manifest, "noisy_sha256": digest.hexdigest()})
"""
COMMAND = """
import contextlib, io, sys
from noisyseg.bench.cli.command_line import main
words = ["noise", "make", "--annotations", sys.argv[1], "--out", sys.argv[2]]
with contextlib.redirect_stdout(io.StringIO()):
    assert main([*words, "--type", "symmetric", "--rate", "0.4", "--seed", "0"]) == 0
"""
LOOP = """
import random, sys
random.seed(0)
def flip(document):
    ids = [category["id"] for category in document["categories"]]
    for annotation in document["annotations"]:
        if random.random() < 0.4:
            others = [number for number in ids if number != annotation["category_id"]]
            annotation["category_id"] = random.choice(others)
"""
JSON = """
import json
with open(sys.argv[1]) as file:
    document = json.load(file)
flip(document)
with open(sys.argv[2], "w") as file:
    json.dump(document, file)
"""
ORJSON = """
import orjson
with open(sys.argv[1], "rb") as file:
    document = orjson.loads(file.read())
flip(document)
with open(sys.argv[2], "wb") as file:
    file.write(orjson.dumps(document))
"""
WAYS = {
    "noisyseg, without the final write": GENERATE + MAKE_UNWRITTEN,
    "noisyseg": GENERATE + MAKE,
    "the command `noise make`": COMMAND,
    "orjson: load, loop, dump": LOOP + ORJSON,
    "json: load, loop, dump": LOOP + JSON,
}
UNWRITTEN, OURS, COMMANDS, _, SCRIPTS = WAYS


class Cost(NamedTuple):
    """CPU seconds, wall-clock seconds and peak memory in bytes of a process."""

    cpu: float
    wall: float
    memory: int


def measure(program: str, clean: Path, out: Path) -> Cost:
    """The cost of a Python program with two paths as its arguments.

    Raises:
        RuntimeError: the program failed.
    """
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    begin = os.times().elapsed
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(clean), str(out)],
        env={**os.environ, **one_thread, "PYTHONPATH": paths},
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the program ended with status {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    elapsed = os.times().elapsed - begin
    return Cost(usage.ru_utime + usage.ru_stime, elapsed, usage.ru_maxrss * unit)


def table(costs: dict[str, Cost], size: int) -> str:
    """The costs as Markdown, against json's and the file's size in bytes."""
    lines = [
        "| way | CPU s | wall s | json's CPU / this | peak memory MB | peak / file |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, cost in costs.items():
        lines.append(
            f"| {name} | {cost.cpu:.2f} | {cost.wall:.2f} | {costs[SCRIPTS].cpu / cost.cpu:.1f} | "
            f"{cost.memory / 1e6:.0f} | {cost.memory / size:.2f} |"
        )
    return "\n".join(lines)


def bounds(costs: dict[str, Cost], size: int) -> dict[str, bool]:
    """What the generator is meant to reach, and whether it did."""
    faster = costs[SCRIPTS].cpu / costs[OURS].cpu
    seconds = costs[UNWRITTEN].cpu
    memory = max(costs[name].memory for name in (OURS, UNWRITTEN)) / size
    return {
        f"{faster:.1f} times faster than json (wanted: at least {TIMES_FASTER})": (
            faster >= TIMES_FASTER
        ),
        f"{seconds:.2f} s of CPU without the final write (wanted: at most {MOST_SECONDS:g})": (
            seconds <= MOST_SECONDS
        ),
        f"peak memory {memory:.2f} x the file (wanted: at most {MOST_MEMORY:g})": (
            memory <= MOST_MEMORY
        ),
    }


def figure(costs: dict[str, Cost], size: int, kept: bool | None) -> Figure:
    """What the command takes beside the scripts' way."""
    ours, theirs = costs[COMMANDS].cpu, costs[SCRIPTS].cpu
    return Figure(
        what=f"`noise make`, symmetric at 40 %, a file of {size / 1e6:.0f} MB",
        figure=f"{ours:.2f} s of CPU",
        ratio=ours / theirs,
        rival=f"json.load, a loop, json.dump: {theirs:.2f} s",
        kept=kept,
    )


def run(options: argparse.Namespace, folder: Path) -> bool:
    """Print the table and, at full scale, the bounds; whether all are kept."""
    scale, repeats = options.scale, options.repeats
    clean = folder / f"coco_like_{scale:g}.json"
    if not clean.exists():
        write_coco_like(folder / "unfinished.json", scale)
        (folder / "unfinished.json").replace(clean)
    size = clean.stat().st_size
    measure("import sys; open(sys.argv[1], 'rb').read()", clean, clean)  # into the page cache
    costs = {}
    for name, program in WAYS.items():
        out = folder / "noisy.json"
        times = 1 if name == SCRIPTS else repeats
        costs[name] = min(measure(program, clean, out) for _ in range(times))
        for left in folder.glob("noisy*.json"):
            left.unlink()
    print(f"{size / 1e6:.0f} MB, symmetric noise at 40 %, best of {repeats} (json: of 1)\n")  # noqa: T201
    print(table(costs, size) + "\n")  # noqa: T201
    if scale < 1:
        write_figures(options.figures, [figure(costs, size, None)])
        return True
    kept = bounds(costs, size)
    write_figures(options.figures, [figure(costs, size, all(kept.values()))])
    for line, good in kept.items():
        print(f"- {'kept' if good else 'MISSED'}: {line}")  # noqa: T201
    return all(kept.values())


def main() -> int:
    """Run with the command line's options; the exit status."""
    parser = argparse.ArgumentParser(description="Time the noise generator against json.")
    parser.add_argument("--folder", type=Path, help="where the file is kept; default: temporary")
    parser.add_argument("--scale", type=float, default=1.0, help="of the file")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each way but json's")
    options = parsed(parser, scale=0.05, repeats=2)
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
        kept = run(options, options.folder)
    else:
        with tempfile.TemporaryDirectory() as folder:
            kept = run(options, Path(folder))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
