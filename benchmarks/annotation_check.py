"""What the check of an annotation file costs: `python benchmarks/annotation_check.py`.

On a file of the shape of COCO's train2017 (see `coco_like`), each way in a process of its own:

- orjson reads the file, and nothing is looked at: the bound;
- noisyseg reads it and looks at every entry, id, box, area and mask, as `run` does before anything
  is trained;
- pycocotools' `COCO(file)`, with which mmdet reads the same file and looks at nothing.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from coco_like import write_coco_like
from figures import Figure, parsed, write_figures

_TIMED = """
import sys, time
from pathlib import Path
{imports}
path = Path(sys.argv[1])
start = time.process_time()
{work}
print(time.process_time() - start)
"""
ORJSON, OURS, PYCOCOTOOLS = "orjson: reads it", "noisyseg: reads and checks it", "pycocotools: COCO"
WAYS = {
    ORJSON: ("import gc, orjson", "gc.disable(); orjson.loads(path.read_bytes())"),
    OURS: (
        "from noisyseg.annotation_files.columns import columns_of\n"
        "from noisyseg.annotation_files.document import collector_paused, parse_annotations\n"
        "from noisyseg.bench.datasets.checked_annotations import look_at",
        "with collector_paused():\n"
        "    whole = parse_annotations(path.read_bytes(), 'x')\n"
        "    look_at(columns_of(whole), whole, path, part='train', policy='any')",
    ),
    PYCOCOTOOLS: (
        "import contextlib, io\nfrom pycocotools.coco import COCO",
        "with contextlib.redirect_stdout(io.StringIO()): COCO(path)",
    ),
}


def seconds(way: str, path: Path) -> float:
    """CPU seconds of a way, start-up and imports apart."""
    imports, work = WAYS[way]
    program = _TIMED.format(imports=imports, work=work)
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def run(path: Path, repeats: int) -> list[Figure]:
    """Print the table; what noisyseg took beside each rival."""
    best = {way: min(seconds(way, path) for _ in range(repeats)) for way in WAYS}
    print(f"{path.stat().st_size / 1e6:.0f} MB, CPU seconds, best of {repeats}\n")  # noqa: T201
    print("| way | CPU s | / orjson | / pycocotools |\n| --- | ---: | ---: | ---: |")  # noqa: T201
    for way, found in best.items():
        ratios = f"{found / best[ORJSON]:.2f} | {found / best[PYCOCOTOOLS]:.2f}"
        print(f"| {way} | {found:.1f} | {ratios} |")  # noqa: T201
    return [
        Figure(
            what=f"an annotation file of {path.stat().st_size / 1e6:.0f} MB read and checked",
            figure=f"{best[OURS]:.2f} s of CPU",
            ratio=best[OURS] / best[rival],
            rival=f"{name}: {best[rival]:.2f} s",
        )
        for rival, name in (
            (ORJSON, "orjson, which only reads it"),
            (PYCOCOTOOLS, "pycocotools' COCO(file), which checks nothing"),
        )
    ]


def main() -> None:
    """Run with the command line's options."""
    parser = argparse.ArgumentParser(description="Time the check of an annotation file.")
    parser.add_argument("--file", type=Path, help="COCO annotations (default: made)")
    parser.add_argument("--scale", type=float, default=1.0, help="of the made file")
    parser.add_argument("--repeats", type=int, default=3)
    options = parsed(parser, scale=0.05, repeats=2)
    if options.file is not None:
        write_figures(options.figures, run(options.file, options.repeats))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coco_like.json"
        write_coco_like(path, options.scale)
        write_figures(options.figures, run(path, options.repeats))


if __name__ == "__main__":
    main()
