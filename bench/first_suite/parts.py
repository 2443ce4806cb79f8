"""Which of a folder's annotation files is trained on, and which is evaluated on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.first_suite.file_roles import TEST, TRAIN, VAL
from noisyseg.bench.first_suite.json_files import Candidate, Contents, candidate, look_into
from noisyseg.bench.first_suite.other_exports import other_exports
from noisyseg.errors import InputError

_SHOWN = 6
_DIFFERENT = "a suite evaluates on other images than it trains on"
_EXPORT = (
    "Of an annotation tool's exports the one in COCO's form with masks is wanted: COCO 1.0, or "
    "COCO instance segmentation, beside the images."
)
_SPLIT = "have a share of its images held out (--hold-out 0.2, which writes two new files)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What somebody named; None for what is to be found.

    Attributes:
        held_out: whether the images to evaluate on are to be taken from the training file.
    """

    train: Path | None = None
    eval: Path | None = None
    held_out: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """The files of a suite.

    Attributes:
        eval: None where it is to be held out of the training file.
        spared: a test file that is not used.
        contents: of the folder.
    """

    train: Path
    eval: Path | None
    spared: Path | None
    contents: Contents


def choose_parts(folder: Path, wanted: Wanted) -> Parts:
    """The files that were named, or those whose names say what they are for.

    Raises:
        InputError: none that can be used, or several that might be meant.
    """
    contents = look_into(folder)
    train = None if wanted.train is None else _named(wanted.train, contents)
    evaluation = None if wanted.eval is None else _named(wanted.eval, contents)
    others = [one for one in contents.candidates if one.path not in (train, evaluation)]
    if train is None:
        train = _training(others, contents, wanted)
        others = [one for one in others if one.path != train]
    if evaluation is None and not wanted.held_out:
        evaluation = _evaluated(others, train, contents)
    tests = [one.path for one in others if one.role == TEST and one.path != evaluation]
    spared = tests[0] if tests else None
    return Parts(train=train, eval=evaluation, spared=spared, contents=contents)


def _named(path: Path, contents: Contents) -> Path:
    """The file that was named, from the working folder or from the data's."""
    place = path if path.exists() or path.is_absolute() else contents.root / path
    if not place.is_file():
        raise InputError(f"there is no file {path}, neither here nor in {contents.root}.")
    for one in contents.candidates:
        if one.path.samefile(place):
            return one.path
    try:
        candidate(place, contents.root)
    except InputError as error:
        raise InputError(f"{path}: no COCO annotation file of instances; {error}") from error
    return place


def _training(found: Sequence[Candidate], contents: Contents, wanted: Wanted) -> Path:
    if not found and contents.candidates:
        raise InputError(
            f"which file is trained on? Beside {wanted.eval}, {contents.root} has no annotation "
            f"file that can be used: say --train FILE.{_unusable(contents)}"
        )
    if not found:
        raise InputError(_nothing(contents))
    best = _best(found, TRAIN)
    if not best and len(found) == 1 and wanted.eval is None and wanted.held_out:
        best = list(found)
    if len(best) == 1:
        return best[0].path
    if len(found) == 1 and wanted.eval is None:
        raise InputError(_single(found[0].path, contents))
    if len(found) == 1:
        return found[0].path
    what = "whose names say train" if best else "and no name that says train"
    raise InputError(
        f"which file is trained on? {contents.root} has {len(best or found)} {what}: "
        f"{_listed(best or found, contents)}. Say --train FILE and --eval FILE, or name a folder "
        "that has one of each."
    )


def _evaluated(found: Sequence[Candidate], train: Path, contents: Contents) -> Path:
    for role in (VAL, TEST):
        best = _best(found, role)
        if len(best) == 1:
            return best[0].path
        if best:
            raise InputError(
                f"which file is evaluated on? {contents.root} has {len(best)} whose names say "
                f"{role}: {_listed(best, contents)}. Say --eval FILE."
            )
    if not found:
        raise InputError(_single(train, contents))
    raise InputError(
        f"which file is evaluated on? Beside {_below(train, contents)}, {contents.root} has "
        f"{_listed(found, contents)}, and no name that says val or test: {_DIFFERENT}. Say --eval "
        f"FILE, or {_SPLIT}."
    )


def _best(found: Sequence[Candidate], role: str) -> list[Candidate]:
    """Of the files of a role, those that are most likely meant."""
    named = [one for one in found if one.role == role]
    least = min((one.rank for one in named), default=0)
    return [one for one in named if one.rank == least]


def _single(path: Path, contents: Contents) -> str:
    return (
        f"{contents.root} has one annotation file that can be used, {_below(path, contents)}: "
        f"{_DIFFERENT}. Name the file of those (--eval FILE), or {_SPLIT}.{_unusable(contents)}"
    )


def _nothing(contents: Contents) -> str:
    others = _unusable(contents) or " ".join(
        [" It has no JSON file.", *other_exports(contents.root)[:_SHOWN], _EXPORT]
    )
    return (
        f"{contents.root} has no annotation file in COCO's form: wanted two JSON files with the "
        "lists images, annotations and categories, such as annotations/train.json and "
        f"annotations/val.json, beside their images.{others}"
    )


def _unusable(contents: Contents) -> str:
    """What other JSON files are."""
    told = [
        f"{_relative(first, contents.root)}{f' (and {count - 1} alike)' * (count > 1)}: {reason}"
        for reason, (first, count) in list(contents.others.items())[:_SHOWN]
    ]
    more = f" … and {len(contents.others) - _SHOWN} more" if len(contents.others) > _SHOWN else ""
    return f" Its other JSON: {' '.join(_sentence(line) for line in told)}{more}" if told else ""


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _listed(found: Sequence[Candidate], contents: Contents) -> str:
    names = [
        f"{_below(one.path, contents)} ({one.images} images)"
        for one in sorted(found, key=lambda one: one.path)[:_SHOWN]
    ]
    return ", ".join(names) + ", …" * (len(found) > _SHOWN)


def _below(path: Path, contents: Contents) -> str:
    return _relative(path, contents.root)


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
