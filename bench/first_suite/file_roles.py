"""What a file or a folder is for, by its name: training, validation or test."""

import re
from pathlib import PurePath

TRAIN, VAL, TEST = "train", "val", "test"

# Of "instancesTrain2017" instances and Train; digits and marks only divide.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_BEGINNINGS = {TRAIN: ("train",), VAL: ("valid", "eval"), TEST: ("test",)}
_WORDS = {
    TRAIN: {"trn", "training"},
    VAL: {"val", "vals", "vali", "valset", "valimages", "dev", "devset", "minival", "holdout"},
    TEST: {"tst"},
}


def words_of(name: str) -> list[str]:
    """The words of a name, in small letters."""
    return [word.lower() for word in _WORD.findall(name)]


def role_of(path: PurePath) -> str | None:
    """TRAIN, VAL or TEST by the path's last part that says one; None if none does.

    Args:
        path: below the folder that somebody named, whose own name says nothing of its parts.
    """
    *folders, last = path.parts or ("",)
    for part in (PurePath(last).stem, *reversed(folders)):
        roles = {role for word in words_of(part) if (role := _role(word)) is not None}
        if len(roles) == 1:
            return roles.pop()
        if roles:  # such as annotations_train_val: both
            return None
    return None


def _role(word: str) -> str | None:
    for role in (TRAIN, VAL, TEST):
        if word in _WORDS[role] or word.startswith(_BEGINNINGS[role]):
            return role
    return None
