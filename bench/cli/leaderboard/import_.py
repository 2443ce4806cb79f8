"""`leaderboard import`: detections that other code made, evaluated here, as a bundle."""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.cli.arguments import add_json
from noisyseg.bench.cli.leaderboard.conclusion import conclude
from noisyseg.bench.datasets.cache import cache_folder
from noisyseg.bench.datasets.formats.registry import MASKS
from noisyseg.bench.leaderboard.checks.installed import installed
from noisyseg.bench.leaderboard.ground import ground_for
from noisyseg.bench.leaderboard.imported import write_imported
from noisyseg.bench.leaderboard.verification import verify
from noisyseg.errors import InputError
from noisyseg.results.leaderboard.card import read_card

EXAMPLE = (
    "noisyseg leaderboard import seed0.json seed1.json seed2.json --suite quick --noise sym40 "
    "--card mine.yaml --out mine.zip"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is imported.

    Attributes:
        results: COCO results, a training's each.
        noise: label of the setting that they were trained on, as the submitter says.
        publish: folder to make an entry in; None: none is made.
    """

    results: list[Path]
    suite: str
    variant: str | None
    noise: str
    card: Path
    out: Path
    data_root: Path | None
    masks: str | None
    publish: Path | None
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.description = (
        "Evaluate detections of other code, in COCO's results format, on a suite's images, and "
        "write them into a bundle. Its entry is marked imported: its numbers are recomputed, its "
        "training is unknown."
    )
    parser.add_argument(
        "results",
        nargs="+",
        type=Path,
        metavar="PREDICTIONS.json",
        help="COCO results with masks; several files are trainings with other seeds",
    )
    parser.add_argument(
        "--suite", required=True, metavar="SUITE", help="a shipped suite's name or a YAML file"
    )
    parser.add_argument(
        "--variant", metavar="NAME", help="one of the suite's variants (default: its first)"
    )
    parser.add_argument(
        "--noise", required=True, metavar="LABEL", help="the noise setting that was trained on"
    )
    parser.add_argument(
        "--card", required=True, type=Path, metavar="FILE", help="what is to be said of the method"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="the bundle, a zip")
    parser.add_argument(
        "--data-root", type=Path, metavar="FOLDER", help="where the suite's data lie"
    )
    parser.add_argument("--masks", choices=MASKS, help="VOC's mask source (default: the suite's)")
    parser.add_argument(
        "--publish", type=Path, metavar="FOLDER", help="make the entry in a published folder, too"
    )
    add_json(parser)


def run(options: Options) -> int:
    """Write the bundle, verify it, and publish it if that was asked for.

    Raises:
        InputError: an unusable suite or card, or results that are not of its images and classes.
    """
    card = read_card(options.card)
    ground = ground_for(
        options.suite,
        options.variant,
        data_root=options.data_root,
        cache=cache_folder(),
        masks=options.masks,
    )
    if not ground.has_weights:
        raise InputError(
            f"{options.suite}: the weights that its model starts from are not here, and their "
            "checksum is part of what entries are compared by: put them where the suite names "
            "them, or let `noisyseg run` download them."
        )
    with tempfile.TemporaryDirectory(prefix="noisyseg-import-") as work:
        against = installed(ground.suite, ground.data, Path(work), stated={"model": {}})
        write_imported(
            options.out, options.results, card=card, label=options.noise, installed=against
        )
    publish_to = options.publish
    others = publish_to if publish_to is not None and publish_to.is_dir() else None
    verified = verify(
        options.out, lambda *_: ground, published=others, draws=publish_to is not None
    )
    return conclude(verified, options.out, publish_to, as_json=options.json)
