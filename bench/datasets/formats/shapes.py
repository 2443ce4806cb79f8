"""`shapes`: the built-in data set, generated from a seed into a cache folder in seconds.

Eight classes in four pairs that are easily taken for one another, several instances an image
with occlusion, on textured ground with clutter. COCO format, split into train and val.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from PIL import Image as PillowImage

from noisyseg.bench.datasets.check import check_split
from noisyseg.bench.datasets.check_report import Report
from noisyseg.bench.datasets.converted import Progress, mask_annotation
from noisyseg.bench.datasets.data_format import DataOptions, Format
from noisyseg.bench.datasets.ready import Ready, annotation_file
from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.datasets.shape_scene import Image, Instance, draw_scene
from noisyseg.bench.datasets.split import Split
from noisyseg.checked_values import file_name
from noisyseg.errors import InputError, placed
from noisyseg.files import sha256_file, write_atomically
from noisyseg.located_yaml import Located

NAME = "shapes"
VERSION = 1
SPLITS = ("train", "val")
_SETTINGS = ("seed", "size", "train_images", "val_images")
COMPLETE = "complete.json"  # written last: every other file and its SHA-256


@dataclass(kw_only=True, slots=True, frozen=True)
class ShapesSettings:
    """What decides every byte of the annotation files and every pixel of the images.

    Attributes:
        seed: of the generator.
        size: image side in pixels.
        train_images, val_images: images per split.
    """

    seed: int = 0
    size: int = 96
    train_images: int = 200
    val_images: int = 100

    def __post_init__(self) -> None:
        """Refuse sizes at which a shape would be a few pixels, and empty splits."""
        for name in _SETTINGS:
            value = getattr(self, name)
            least = {"seed": 0, "size": 48}.get(name, 1)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(
                    f"shapes: {name} must be an integer of at least {least}, got {value!r}."
                )
        for name, most in (("size", 512), ("seed", 2**31 - 1)):
            value = getattr(self, name)
            if value > most:
                raise InputError(f"shapes: {name} must be at most {most}, got {value}.")

    @property
    def folder_name(self) -> str:
        """The cache folder's name, one per setting."""
        counts = f"{self.train_images}-{self.val_images}"
        return f"shapes-v{VERSION}-seed{self.seed}-{self.size}px-{counts}"


def generate_shapes(cache: Path, settings: ShapesSettings) -> Path:
    """The data set's folder inside cache, generated unless it is there whole.

    Returns:
        A folder with `annotations/instances_{train,val}.json` and `{train,val}/*.png`.
    Raises:
        InputError: the cache cannot be written to.
    """
    folder = cache / settings.folder_name
    if _is_whole(folder):
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=cache, prefix=".shapes-"))
        try:
            for split in SPLITS:
                _write_split(scratch, split, settings)
            write_atomically(scratch / COMPLETE, orjson.dumps(_sums(scratch)))
            _publish(scratch, folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise InputError(
            f"cannot write the shapes data set to {cache}: {error.strerror}. "
            "Name another folder with --data-root."
        ) from error
    return folder


def _publish(scratch: Path, folder: Path) -> None:
    """Move the finished folder into place; another process may have got there first."""
    scratch.chmod(0o755)  # mkdtemp's 0700 would keep the data set from a group
    if folder.exists() and not _is_whole(folder):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        scratch.rename(folder)
    except OSError:
        if not _is_whole(folder):
            raise


def _sums(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}


def _is_whole(folder: Path) -> bool:
    """Every file is there and is the one that was written."""
    try:
        sums = orjson.loads((folder / COMPLETE).read_bytes())
        return bool(sums) and all(
            sha256_file(folder / name) == digest for name, digest in sums.items()
        )
    except (OSError, orjson.JSONDecodeError, AttributeError):
        return False


def _write_split(root: Path, split: str, settings: ShapesSettings) -> None:
    (root / split).mkdir()

    def save(name: str, pixels: Image) -> None:
        PillowImage.fromarray(pixels).save(root / split / name)

    write_atomically(annotation_file(root, split), _draw(split, settings, save))


def _draw(split: str, settings: ShapesSettings, save: Callable[[str, Image], None]) -> bytes:
    """The annotation file of a split, whose images are saved as they are drawn."""
    random = np.random.RandomState([settings.seed, SPLITS.index(split), VERSION])
    count = settings.train_images if split == "train" else settings.val_images
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    queue: list[str] = []
    for number in range(1, count + 1):
        if len(queue) < len(CLASSES):
            queue = [CLASSES[k] for k in random.permutation(len(CLASSES))] + queue
        pixels, instances = draw_scene(random, settings.size, queue)
        name = f"{number:06d}.png"
        save(name, pixels)
        images.append(
            {"id": number, "file_name": name, "width": settings.size, "height": settings.size}
        )
        annotations += [
            _annotation(instance, image_id=number, annotation_id=len(annotations) + k)
            for k, instance in enumerate(instances, start=1)
        ]
    document = {
        "info": {"description": f"noisyseg shapes, version {VERSION}, {split}"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": k, "name": name} for k, name in enumerate(CLASSES, start=1)],
    }
    return orjson.dumps(document)


def _annotation(instance: Instance, *, image_id: int, annotation_id: int) -> dict[str, Any]:
    """The COCO annotation of an instance's visible pixels, its mask as compressed RLE."""
    category = CLASSES.index(instance.class_name) + 1
    shape = mask_annotation(instance.mask, category_id=category)
    return {"id": annotation_id, "image_id": image_id, **shape}


@dataclass(kw_only=True, slots=True, frozen=True)
class ShapesData:
    """A `DataSet` that is drawn.

    Attributes:
        name: in records.
        cache: holds its folder, or will.
    """

    name: str
    settings: ShapesSettings
    cache: Path

    @property
    def folder(self) -> Path:
        """Its own, one for each setting."""
        return self.cache / self.settings.folder_name

    def find(self) -> Ready | None:
        """As `make` left it, every file whole."""
        return self._ready() if _is_whole(self.folder) else None

    def foresee(self) -> Ready:
        """Found, or its annotations drawn; see `DataSet`."""
        if _is_whole(self.folder):
            return self._ready()
        drawn = [_draw(split, self.settings, lambda name, pixels: None) for split in SPLITS]
        contents = dict(zip(("train", "eval"), drawn, strict=True))
        return replace(self._ready(), contents=contents, has_images=False)

    def make(self, *, workers: int | None = None, progress: Progress | None = None) -> Ready:
        """Drawn unless it is there; see `DataSet`."""
        generate_shapes(self.cache, self.settings)
        return self._ready()

    def check(self, *, workers: int | None = None, progress: Progress | None = None) -> Report:
        """Look at every file; see `DataSet`."""
        if not self.folder.is_dir():
            raise InputError(f"no folder {self.folder}: noisyseg data prepare {NAME} makes it.")
        ready = self._ready()
        return check_split(self.name, (ready.train, ready.eval), workers=workers, progress=progress)

    def _ready(self) -> Ready:
        train, val = (
            Split(annotations=annotation_file(self.folder, split), images=self.folder / split)
            for split in SPLITS
        )
        return Ready(name=self.name, train=train, eval=val, classes=list(CLASSES))


def _locate(section: Located, root: Path, options: DataOptions) -> ShapesData:
    name = file_name(section, "name") if "name" in section else NAME
    with placed(section.where()):
        chosen = ShapesSettings(**{key: section[key] for key in _SETTINGS if key in section})
    return ShapesData(name=name, settings=chosen, cache=root)


SHAPES = Format(name=NAME, locate=_locate, optional=("name", *_SETTINGS), built_in=True)
