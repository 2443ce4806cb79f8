"""A file of code to begin with, made from a template of `templates/`."""

import importlib.util
import keyword
import re
import shlex
import sys
from collections.abc import Collection
from pathlib import Path

from noisyseg.errors import InputError
from noisyseg.files import refuse_special_files, write_atomically
from noisyseg.text_templates import filled

_TEMPLATES = Path(__file__).with_name("templates")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_FILE = re.compile(r"[\w. -]+")  # nothing that ends the text that it stands in


def check_name(name: str, what: str, *, taken: Collection[str], used: Collection[str]) -> None:
    """Refuse what no function or constant in a file can be called, or what is called so already.

    Args:
        name: as given.
        what: it names, for messages.
        taken: names of others of its kind.
        used: names that the template gives to something else.

    Raises:
        InputError: why the name will not do.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        near = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
        fits = _NAME.fullmatch(near) and not keyword.iskeyword(near)
        hint = f" Would {near} do?" if fits else ""
        raise InputError(
            f"a {what} of your own is called as Python calls things: wanted letters, digits and _, "
            f"beginning with a letter, and no word of Python's own, got {name!r}.{hint}"
        )
    if {name, name.replace("_", "-")} & set(taken):
        raise InputError(f"there is a {what} called {name!r} already; give yours another name.")
    if name in used:
        raise InputError(f"the file calls something else {name!r}; give yours another name.")


def write_new(path: Path, template: str, **content: str) -> None:
    """Write a file from a template; one that is there stays as it is.

    Args:
        path: of the file, ending in .py; the template shows its name, as a shell takes it.
        template: name of the file in `templates/`.
        content: what else the template shows.

    Raises:
        InputError: a file of another kind, one that is there, or one that would hide a module.
    """
    if path.suffix != ".py" or not _FILE.fullmatch(path.name):
        raise InputError(
            "--write: wanted a file of Python code, its name of letters, digits, spaces, points, _ "
            f"and -, ending in .py, got {path}."
        )
    refuse_special_files([path])
    if path.exists():
        raise InputError(f"{path} is there already: move it away, or say --write OTHER.py.")
    if _is_module(path.stem):
        raise InputError(
            f"Python has a module {path.stem}, which {path} would hide from what is run beside it: "
            "say --write OTHER.py, or give yours another name."
        )
    text = filled(_TEMPLATES / template, **content, file=shlex.quote(path.name))
    write_atomically(path, text.encode())


def _is_module(name: str) -> bool:
    return name in sys.stdlib_module_names or importlib.util.find_spec(name) is not None
