"""`data download`: a data set's official archives, fetched and unpacked."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.cli.arguments import names
from noisyseg.bench.cli.data.named import add_root
from noisyseg.bench.cli.data.progress_bar import progress_bar
from noisyseg.bench.cli.output import DONE, say
from noisyseg.bench.datasets.acquisition import Source, acquire
from noisyseg.bench.datasets.formats.registry import FORMATS, MASKS
from noisyseg.errors import InputError, unknown_name

EXAMPLE = "noisyseg data download coco2017 --root ~/data --part annotations,val2017"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the command line says.

    Attributes:
        root: where the archives unpack; None: the current folder.
        part: of the archives; None: all but the optional ones.
        masks: whose archive is fetched, too, if it has one of its own.
        mirror: web folder in place of the official one.
        keep_archives: whether they stay once unpacked.
    """

    name: str
    root: Path | None
    part: list[str] | None
    masks: str | None
    mirror: str | None
    keep_archives: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `Options`."""
    parser.add_argument("name", metavar="NAME", help="voc2012, sbd, coco2017 (or cityscapes)")
    add_root(parser)
    parser.add_argument(
        "--part",
        type=names,
        metavar="A,B",
        help="only these parts (COCO: annotations, train2017, val2017; test2017 only if named)",
    )
    parser.add_argument("--masks", choices=MASKS, help="voc2012 with sbd: SBD's archive, too")
    parser.add_argument(
        "--mirror",
        metavar="URL",
        help="a web folder that holds the archives by their names, in place of the official one",
    )
    parser.add_argument(
        "--keep-archives", action="store_true", help="do not delete archives once unpacked"
    )


def run(options: Options) -> int:
    """Fetch the archives and unpack them; what is there already is left alone."""
    root = options.root or Path()
    for source in _sources(options, root):
        with progress_bar(f"downloading {source.name}") as progress:
            acquire(
                source,
                root,
                mirror=options.mirror,
                keep=options.keep_archives,
                progress=progress,
                say=say,
            )
    return DONE


def _sources(options: Options, root: Path) -> list[Source]:
    """The archives that the command line names.

    Raises:
        InputError: an unknown name or part, or archives that must be fetched by hand.
    """
    name = options.name
    known = FORMATS.get(name)
    if known is not None and known.by_hand:
        raise InputError(known.by_hand.format(folder=root / name))
    every = {key: held for entry in FORMATS.values() for key, held in entry.archives.items()}
    if name not in every:
        by_hand = [entry.name for entry in FORMATS.values() if entry.by_hand]
        raise unknown_name("data set to download", name, [*every, *by_hand])
    if options.masks is not None and (known is None or not known.masks):
        raise InputError(f"--masks chooses VOC's masks; this is {name}.")
    sources = every[name]
    if known is not None and options.masks is not None:
        sources += known.archives.get(options.masks, ())
    parts = options.part or [source.part for source in sources if not source.optional]
    found = dict.fromkeys(source.part for source in sources)
    for part in parts:
        if part not in found:
            raise unknown_name(f"part of {name}", part, found)
    return [source for source in sources if source.part in parts]
