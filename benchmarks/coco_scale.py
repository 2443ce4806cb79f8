"""What a data set of COCO's size costs before its first step: `python benchmarks/coco_scale.py`.

On files of the shape of COCO's train2017 and val2017 (see `coco_like`) with empty images, each way
in a process of its own: the first check of the data, as `run --dry-run` and `plan` do it; what
`run` prepares once; the check again; `plan`, which tells the size of checkpoints, too; a run's load
of its training file; beside them orjson's reading of it, and mmdet's. Large files are looked at by
several processes: CPU seconds are of all of them, memory is of the first; the others take some
200 MB each. The exit status is 1 if a bound is missed. `--scale 0.05` tries files of a twentieth,
to which no bound applies.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from coco_like import CATEGORY_IDS, write_coco_like
from figures import Figure, parsed, write_figures

VAL_SHARE = 0.042
_MEASURED = """
import json, resource, sys, time
def cpu_s():  # with processes that have ended
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)
def own_mb():
    with open("/proc/self/smaps_rollup") as file:
        lines = [line.split() for line in file]
    return sum(int(line[1]) for line in lines if line[0].startswith("Private_")) / 1024
{imports}
before, start, cpu = own_mb(), time.perf_counter(), cpu_s()
{work}
cpu, wall, own = cpu_s() - cpu, time.perf_counter() - start, own_mb() - before
with open("/proc/self/status") as file:  # what getrusage says is at least the parent's
    peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) / 1024
print("\\n" + json.dumps(dict(cpu=cpu, wall=wall, own=own, peak=peak)))
"""
_CALL = """from noisyseg.bench.cli.command_line import main
assert main([*{words!r}, {suite!r}, "--out", {out!r}]) == 0"""
_LOAD = """from noisyseg.bench.training.stack import load_stack
load_stack()
from noisyseg.bench.training.run_dataset import train_dataset
from mmengine.registry import DefaultScope
from mmdet.datasets import CocoDataset"""
_IMAGE = {
    "scale": [1333, 800],
    "scale_to": None,
    "test_scale": [1333, 800],
    "flip": 0.5,
    "min_size": 32,
}
ORJSON, MMDET, LOAD = "orjson.loads of the file", "mmdet's CocoDataset", "a run's load"
FIRST, AGAIN = "run --dry-run, the first", "run --dry-run, again"
PREPARED, PLAN = "what run prepares", "plan, again"


def ways(folder: Path) -> dict[str, tuple[str, str]]:
    """Imports and work of each way, in the order in which they are tried."""
    suite, out = str(folder / "suite.yaml"), str(folder / "runs")
    classes = [f"c{number}" for number in CATEGORY_IDS]
    file = f"next(Path({out!r}).glob('.annotations/*/train.json'))"
    plan, check = (
        ("", _CALL.format(words=words, suite=suite, out=out))
        for words in (["plan"], ["run", "--dry-run"])
    )
    expand = (
        f"suite = load_suite({suite!r}, data_root=None, cache=Path({out!r}))\n"
        f"expand(suite, RunStore(Path({out!r})))\n"
        f"note_size(suite, {len(CATEGORY_IDS)}, RunStore(Path({out!r})))"
    )
    imports = (
        "from pathlib import Path\nfrom noisyseg.bench.config.suite import load_suite\n"
        "from noisyseg.bench.runs.checkpoint_note import note_size\n"
        "from noisyseg.bench.runs.grid import expand\n"
        "from noisyseg.results.records.store import RunStore"
    )
    ours = (
        f"kept = train_dataset({file}, Path('.'), classes={classes}, image={_IMAGE}, train_seed=0)"
    )
    theirs = (
        "with DefaultScope.overwrite_default_scope('mmdet'):\n"
        f"    kept = CocoDataset(ann_file=str({file}), data_prefix=dict(img='.'), pipeline=[],"
        f" metainfo=dict(classes={classes}), filter_cfg=dict(filter_empty_gt=True, min_size=32))"
    )
    read = f"kept = orjson.loads(Path({str(folder / 'train.json')!r}).read_bytes())"
    return {
        ORJSON: ("import orjson\nfrom pathlib import Path", read),
        FIRST: check,
        PREPARED: (imports, expand),
        AGAIN: check,
        PLAN: plan,
        LOAD: (f"from pathlib import Path\n{_LOAD}", ours),
        MMDET: (f"from pathlib import Path\n{_LOAD}", theirs),
    }


def measured(way: tuple[str, str]) -> dict[str, float]:
    """Seconds, and memory in MiB, of a way; imports that it names are not counted."""
    program = _MEASURED.format(imports=way[0], work=way[1])
    done = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def make_data(folder: Path, scale: float) -> None:
    """Write both annotation files, an empty file for each image, and a suite."""
    data: dict[str, Any] = {"format": "coco", "name": "coco-like"}
    for part, share in (("train", scale), ("eval", VAL_SHARE * scale)):
        path, images = folder / f"{part}.json", folder / part
        write_coco_like(path, share)
        images.mkdir()
        for image in json.loads(path.read_bytes())["images"]:
            (images / image["file_name"]).touch()
        data[part] = {"annotations": path.name, "images": part}
    suite = {
        **{"name": "coco-scale", "data": data, "model": "mask-rcnn-tiny", "protocol": "smoke"},
        **{"methods": ["ce"], "noise": {"clean": None}, "seeds": [0]},
    }
    (folder / "suite.yaml").write_text(yaml.safe_dump(suite))


def missed_bounds(found: dict[str, dict[str, float]], size: float) -> list[str]:
    """The bounds that are missed, in words; size of the training file in MiB."""
    bounds = [
        (FIRST, "wall", 15.0, "s"),
        (FIRST, "peak", 2 * size, "MiB"),
        (AGAIN, "wall", 2.0, "s"),
        (PLAN, "wall", 2.0, "s"),
        (LOAD, "wall", 2.0, "s"),
        (LOAD, "own", 200.0, "MiB"),
    ]
    return [
        f"{way}: {key} {found[way][key]:.1f} {unit}, wanted at most {most:.0f}"
        for way, key, most, unit in bounds
        if found[way][key] > most
    ]


def figures(found: dict[str, dict[str, float]], size: float) -> list[Figure]:
    """The CPU seconds that precede a run, beside mmdet's reading of the same file."""
    rival = found[MMDET]["cpu"]
    return [
        Figure(
            what=f"{way} (training annotations of {size:.0f} MiB)",
            figure=f"{found[way]['cpu']:.2f} s of CPU",
            ratio=found[way]["cpu"] / rival,
            rival=f"mmdet's CocoDataset reads the file: {rival:.2f} s",
        )
        for way in (FIRST, PREPARED, AGAIN, PLAN, LOAD)
    ]


def run(folder: Path, scale: float, written: Path | None) -> int:
    """Print the table and the verdict; the exit status."""
    make_data(folder, scale)
    size = (folder / "train.json").stat().st_size / 2**20
    found = {name: measured(way) for name, way in ways(folder).items()}
    rows = [
        f"{size:.0f} MiB\n",
        "| way | wall s | CPU s | / orjson | / mmdet | peak MiB / file | own MiB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, one in found.items():
        ratios = " | ".join(f"{one['cpu'] / found[rival]['cpu']:.3f}" for rival in (ORJSON, MMDET))
        cells = f"{one['wall']:.2f} | {one['cpu']:.2f} | {ratios}"
        rows.append(f"| {name} | {cells} | {one['peak'] / size:.2f} | {one['own']:.0f} |")
    write_figures(written, figures(found, size))
    missed = missed_bounds(found, size) if scale == 1 else []
    verdict = "bounds hold" if scale == 1 else "bounds are for --scale 1"
    print("\n".join([*rows, "", *(missed or [verdict])]))  # noqa: T201
    return 1 if missed else 0


def main() -> None:
    """Run with the command line's options."""
    parser = argparse.ArgumentParser(description="Time what precedes a run at COCO's size.")
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of entries")
    options = parsed(parser, scale=0.02)
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(run(Path(folder), options.scale, options.figures))


if __name__ == "__main__":
    main()
