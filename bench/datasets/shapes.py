"""`shapes`: the built-in data set, generated from a seed into a cache folder in seconds.

Eight classes in four pairs that are easily taken for one another, several instances an image
with occlusion, on textured ground with clutter. COCO format, split into train and val.
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from PIL import Image as PillowImage

from noisyseg.bench.datasets.converted import mask_annotation
from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.datasets.shape_scene import Instance, draw_scene
from noisyseg.errors import InputError
from noisyseg.files import sha256_file, write_atomically

VERSION = 1
SPLITS = ("train", "val")
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
        for name in ("seed", "size", "train_images", "val_images"):
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


def annotation_file(folder: Path, split: str) -> Path:
    """Where a split's annotations lie."""
    return folder / "annotations" / f"instances_{split}.json"


def _write_split(root: Path, split: str, settings: ShapesSettings) -> None:
    (root / split).mkdir()
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
        PillowImage.fromarray(pixels).save(root / split / name)
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
    write_atomically(annotation_file(root, split), orjson.dumps(document))


def _annotation(instance: Instance, *, image_id: int, annotation_id: int) -> dict[str, Any]:
    """The COCO annotation of an instance's visible pixels, its mask as compressed RLE."""
    category = CLASSES.index(instance.class_name) + 1
    shape = mask_annotation(instance.mask, category_id=category)
    return {"id": annotation_id, "image_id": image_id, **shape}
