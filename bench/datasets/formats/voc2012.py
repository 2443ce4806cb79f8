"""Pascal VOC 2012, with one of three sources of masks.

`seg`: VOC's own PNGs, 1464 and 1449 images. `sbd`: the Semantic Boundaries Dataset, for the images
of VOC's detection lists that it annotates. `box`: every image of those lists. `voc_image.py` says
what becomes of an image.
"""

from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.datasets.acquisition import Source
from noisyseg.bench.datasets.data_format import DataOptions, Format
from noisyseg.bench.datasets.official_data import OfficialData
from noisyseg.bench.datasets.place import Place, listed_names, locate_place
from noisyseg.bench.datasets.ready import annotation_file
from noisyseg.bench.datasets.split import Split
from noisyseg.bench.datasets.unpacked import SPLITS
from noisyseg.bench.datasets.unpacked_images import UnpackedImages
from noisyseg.bench.datasets.voc_image import CATEGORIES, VocTask
from noisyseg.bench.datasets.voc_objects import VOC_CLASSES
from noisyseg.errors import InputError
from noisyseg.located_yaml import Located

NAME = "voc2012"
MASKS = ("seg", "sbd", "box")
# Lines of ImageSets/Segmentation and of ImageSets/Main. SBD: of Main's images, those that SBD
# annotates (its train.txt and val.txt together), a number that no one publishes.
IMAGES = {"seg": {"train": 1464, "val": 1449}, "box": {"train": 5717, "val": 5823}}
# The lengths of SBD's own lists, another split of VOC 2012's images.
SBD_LISTS = {"SBD's train": 8498, "SBD's val": 2857}
OFFICIAL = {**IMAGES, "sbd": {**IMAGES["box"], **SBD_LISTS}}
_LISTS = {"seg": "Segmentation", "sbd": "Main", "box": "Main"}
PLACE = Place(
    what="Pascal VOC 2012",
    paths=("VOCdevkit/VOC2012", "VOC2012", "."),
    needs=("JPEGImages", "Annotations", "ImageSets"),
    archive="VOCtrainval_11-May-2012.tar",
)
SBD_PLACE = Place(
    what="the Semantic Boundaries Dataset",
    paths=(
        *("benchmark_RELEASE/dataset", "dataset", "sbd", "."),
        *("../benchmark_RELEASE/dataset", "../../benchmark_RELEASE/dataset"),
    ),
    needs=("inst", "train.txt", "val.txt"),
    archive="benchmark.tgz",
)
# The checksums are those that several public projects name (torchvision, mlcommons, …).
ARCHIVE = Source(
    name="VOCtrainval_11-May-2012.tar",
    part="trainval",
    url="https://thor.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
    md5="6cd6e144f989b92b3379bac3b3de84fd",
    folder=".",
    gives=("VOCdevkit/VOC2012",),
)
SBD_ARCHIVE = Source(
    name="benchmark.tgz",
    part="sbd",
    url="https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/"
    "benchmark.tgz",
    md5="82b4d87ceb2ed10f6038a1cba92111cb",
    folder=".",
    gives=("benchmark_RELEASE/dataset",),
)


@dataclass(kw_only=True, slots=True, frozen=True)
class VocFiles(UnpackedImages):
    """VOC's folder, and SBD's if its masks are wanted.

    Attributes:
        masks: one of MASKS.
        sbd: the folder of SBD that holds inst/; None for other masks.
    """

    masks: str
    sbd: Path | None = None

    def listed(self) -> dict[str, int]:
        """The lengths of VOC's lists, and of SBD's; see `Unpacked`."""
        paths = {split: list_file(self.folder, self.masks, split) for split in SPLITS}
        if self.sbd is not None:
            paths |= {f"SBD's {split}": self.sbd / f"{split}.txt" for split in SPLITS}
        names = {name: listed_names(path) for name, path in paths.items()}
        shared = set(names["train"]) & set(names["val"])
        if shared:
            raise InputError(
                f"{paths['val']} names {len(shared)} images of {paths['train']}, too "
                f"({min(shared)}): what is trained on must not be evaluated on."
            )
        return {name: len(listed) for name, listed in names.items()}

    def splits(self, prepared: Path) -> dict[str, Split]:
        """`train` and `val`, whose images share a folder; see `Unpacked`."""
        images = self.folder / "JPEGImages"
        return {
            split: Split(annotations=annotation_file(prepared, split), images=images)
            for split in SPLITS
        }

    def tasks(self, split: str) -> list[VocTask]:
        """As `voc_tasks`."""
        return voc_tasks(self.folder, self.sbd, masks=self.masks, split=split)


def list_file(voc: Path, masks: str, split: str) -> Path:
    """The image set that a mask source uses."""
    return voc / "ImageSets" / _LISTS[masks] / f"{split}.txt"


def voc_tasks(voc: Path, sbd: Path | None, *, masks: str, split: str) -> list[VocTask]:
    """The images of `train` or `val`, in the order of VOC's list.

    Raises:
        InputError: an absent or unfit list.
    """
    names = listed_names(list_file(voc, masks, split))
    if sbd is not None:
        annotated = {*listed_names(sbd / "train.txt"), *listed_names(sbd / "val.txt")}
        names = [name for name in names if name in annotated]
        if not names:
            raise InputError(f"{sbd}: SBD's lists name no image of VOC's {split} list.")
    return [
        VocTask(
            voc=voc,
            sbd=None if sbd is None else sbd / "inst",
            masks=masks,
            name=name,
            keep_difficult=split == "val",
        )
        for name in names
    ]


def masks_of(section: Located, options: DataOptions) -> str:
    """The mask source: the command line's, else the suite's, else boxes.

    Raises:
        InputError: an unknown one.
    """
    masks = options.masks or section.get("masks", "box")
    if masks not in MASKS:
        raise InputError(
            f"{section.where('masks')}: masks must be one of {', '.join(MASKS)}, got {masks!r}."
        )
    return str(masks)


def _locate(section: Located, root: Path, options: DataOptions) -> OfficialData:
    masks = masks_of(section, options)
    files = VocFiles(
        name=f"{NAME}-{masks}",
        folder=locate_place(PLACE, root),
        official=OFFICIAL[masks],
        classes=list(VOC_CLASSES),
        categories=CATEGORIES,
        masks=masks,
        sbd=locate_place(SBD_PLACE, root) if masks == "sbd" else None,
    )
    return OfficialData(files=files, root=root, options=options)


VOC2012 = Format(
    name=NAME,
    locate=_locate,
    optional=("classes", "images", "masks"),
    masks=MASKS,
    official=lambda section, options: IMAGES.get(masks_of(section, options)),
    archives={NAME: (ARCHIVE,), "sbd": (SBD_ARCHIVE,)},
)
