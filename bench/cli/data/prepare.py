"""`data prepare`: a data set made ready for runs, and how a suite names it."""

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path

from noisyseg.annotation_files.document import read_annotations
from noisyseg.bench.cli.arguments import add_json
from noisyseg.bench.cli.data.check import looked_at
from noisyseg.bench.cli.data.named import NAMES, NamedData, add_choice, add_root
from noisyseg.bench.cli.data.progress_bar import progress_bar
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.bench.datasets.data_format import Format
from noisyseg.bench.datasets.named_data import named_data, named_format, own_data, root_of
from noisyseg.bench.datasets.ready import Ready
from noisyseg.bench.datasets.split import Split
from noisyseg.errors import InputError

EXAMPLE = "noisyseg data prepare voc2012 --root ~/data --masks seg"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the command line says.

    Attributes:
        out: where the converted files go; None: noisyseg/ in the root, or the cache.
    """

    named: NamedData
    out: Path | None
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `Options`."""
    parser.add_argument("name", metavar="NAME", help=NAMES)
    add_root(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="where the converted files go (default: noisyseg/ in the root, or the cache where "
        "the root cannot be written to)",
    )
    add_choice(parser)
    add_json(parser)


def run(options: Options) -> int:
    """Convert a data set, or check that it needs no conversion, and say where it is."""
    named = options.named
    known = named_format(named.name)
    if known is None:
        return _check_own(options)
    data = named_data(known, named.root, named.options(options.out))
    with progress_bar(f"preparing {named.name}") as progress:
        ready = _counted(data.make(workers=named.workers, progress=progress))
    if options.json:
        print_text(json.dumps(ready.as_json(), indent=2))
        return DONE
    print_text("\n".join(_ready_lines(ready)))
    if options.out is not None and not known.built_in:
        print_text(_coco_section(ready.name, ready))  # a run would not look there
    else:
        print_text("\n".join(_suite_lines(known, ready, named)))
    return DONE


def _check_own(options: Options) -> int:
    """A folder in COCO's layout needs nothing but to be whole."""
    named = options.named
    if options.out is not None:
        raise InputError(f"--out: {named.name} is not converted, so that nothing would be there.")
    data = own_data(named.name, None, named.options())
    status = looked_at(data, named, as_json=options.json)
    if status == DONE and not options.json:
        print_text(_coco_section(data.folder.resolve().name, data.ready))
    return status


def _counted(ready: Ready) -> Ready:
    """With the numbers of images and annotations, if no conversion has counted them."""
    if ready.counts:
        return ready
    counts = {}
    for split in (ready.train, ready.eval):
        document = read_annotations(split.annotations)
        counts[split.images.name] = {key: len(document[key]) for key in ("images", "annotations")}
    return replace(ready, counts=counts)


def _suite_lines(known: Format, ready: Ready, named: NamedData) -> list[str]:
    """The `data` section of a suite, and the options of its command line."""
    masks = f", masks: {named.masks or known.masks[-1]}" if known.masks else ""
    lines = ["in a suite:", f"  data: {{format: {known.name}{masks}}}"]
    if not known.built_in or named.root is not None:
        partial = " --allow-partial" if ready.name.endswith("-partial") else ""
        lines.append(f"and on its command line: --data-root {root_of(known, named.root)}{partial}")
    return lines


def _ready_lines(ready: Ready) -> list[str]:
    """What a data set holds, where it is, what to know of it."""
    return [
        f"{ready.name}: ready: {ready.counts_text()}",
        *(
            f"  {kind}: {split.annotations}, images in {split.images}"
            for kind, split in (("train", ready.train), ("eval", ready.eval))
        ),
        *(f"  note: {note}" for note in ready.notes),
    ]


def _coco_section(name: str, ready: Ready) -> str:
    """The `data` section of a suite that uses two COCO-format files."""
    lines = ["in a suite:", "  data:", "    format: coco", f"    name: {_text(name)}"]
    for kind, split in (("train", ready.train), ("eval", ready.eval)):
        lines += [f"    {kind}:", *_part_lines(split)]
    return "\n".join(lines)


def _part_lines(split: Split) -> list[str]:
    places = (("annotations", split.annotations), ("images", split.images))
    return [f"      {key}: {_text(str(path.resolve()))}" for key, path in places]


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # JSON text is YAML, too
