"""The two halves of a suite's data: files and images found, and files made where they must be."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.first_suite.hold_out import classes_of_images, held_out
from noisyseg.bench.first_suite.image_folders import ImageFolder, image_folder
from noisyseg.bench.first_suite.image_names import renamed
from noisyseg.bench.first_suite.made_files import Images, file_of
from noisyseg.bench.first_suite.parts import Parts
from noisyseg.bench.first_suite.proposal import Part
from noisyseg.bench.first_suite.survey import Survey, survey
from noisyseg.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageChoice:
    """What somebody says of the images.

    Attributes:
        train, eval: their folders; None where they are to be found.
        share: of the training file's images that are held out; None for a file of its own.
    """

    train: Path | None = None
    eval: Path | None = None
    share: float | None = None


def halves(parts: Parts, choice: ImageChoice, suite: Path) -> tuple[Part, Part]:
    """What is trained on and what is evaluated on.

    Args:
        parts: the annotation files.
        choice: of the images.
        suite: the file beside which files are written that must be made.

    Raises:
        InputError: files that cannot be used, no images.
    """
    whole = survey(parts.train)
    folder = _found(whole, parts, choice.train)
    images = _images(whole, folder)
    if parts.eval is not None:
        train = _part(whole, folder, images, beside(suite, "train"))
        other = train.survey if parts.eval == parts.train else survey(parts.eval)
        other_folder = _found(other, parts, choice.eval)
        return train, _part(
            other, other_folder, _images(other, other_folder), beside(suite, "eval")
        )
    assert choice.share is not None
    stay, out = held_out(images, choice.share, classes_of_images(parts.train))
    return (
        _made(whole, folder.folder, stay, beside(suite, "train")),
        _made(whole, folder.folder, out, beside(suite, "eval")),
    )


def beside(suite: Path, part: str) -> Path:
    """Where an annotation file goes that is made for a suite."""
    return suite.with_name(f"{suite.stem}-{part}.json")


def _images(found: Survey, folder: ImageFolder) -> Images:
    if folder.files is None:
        return found.images
    return renamed(found.images, folder.files, found.path)


def _part(found: Survey, folder: ImageFolder, images: Images, target: Path) -> Part:
    if folder.files is None:
        return Part(survey=found, images=folder.folder)
    return _made(found, folder.folder, images, target)


def _made(whole: Survey, folder: Path, images: Images, target: Path) -> Part:
    content = file_of(whole.path, images)
    return Part(survey=survey(target, content), images=folder, content=content)


def _found(part: Survey, parts: Parts, named: Path | None) -> ImageFolder:
    """The folder of a file's images: the one that was named, or one of those around it."""
    root = parts.contents.root
    if named is None:
        around: Sequence[Path] = [part.path.parent, part.path.parent.parent]
        inside = parts.contents.folders
        return image_folder(part.path, part.images, [*inside, *around], root, within=inside)
    place = named if named.is_dir() or named.is_absolute() else root / named
    if not place.is_dir():
        raise InputError(f"there is no folder of images {named}, neither here nor in {root}.")
    # Names such as images/a.jpg start from the folder above the one that has the images.
    return image_folder(part.path, part.images, [place, place.parent], root, within=[place])
