"""The one copy of noisyseg that a run's code comes from: the driver's, in every worker too.

Ray puts the driver's working folder before a worker's other folders, so that another checkout of
noisyseg there, or one of mmdet, would be imported in the right one's place. What runs in a worker
before noisyseg is imported travels by value and needs the standard library alone.
"""

import hashlib
import os
import pickle
import platform
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, NamedTuple

import noisyseg
from noisyseg.errors import InputError

_NAME = "noisyseg"
_FOUND_EQUAL = "_found_equal"  # an attribute of a worker's package: the driver's hash


class DriverPackage(NamedTuple):
    """What a worker must have, and what it must not see.

    Attributes:
        folder: of the package's `__init__.py` on the driver's machine.
        version: its number.
        sha256: of its Python files.
        hidden: folders of Ray's search path that the driver does not have on its own.
    """

    folder: str
    version: str
    sha256: str
    hidden: tuple[str, ...]


OtherPackage = tuple[str, str, str]
"""A worker's node, where its noisyseg lies (or why it has none), and that one's version."""


def own_package() -> DriverPackage:
    """This process's own."""
    folder = Path(noisyseg.__file__).resolve().parent
    searched = {os.path.abspath(entry) for entry in sys.path}
    hidden = tuple({str(Path.cwd())} - searched)
    return DriverPackage(
        folder=str(folder),
        version=noisyseg.__version__,
        sha256=python_files_sha256(str(folder)),
        hidden=hidden,
    )


def python_files_sha256(folder: str) -> str:
    """SHA-256 of the names and contents of a folder's Python files, whatever lies beside them."""
    digest = hashlib.sha256()
    paths = []
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name != "__pycache__"]
        paths += [os.path.join(place, name) for name in names if name.endswith(".py")]
    for path in sorted(paths, key=lambda path: os.path.relpath(path, folder).split(os.sep)):
        with open(path, "rb") as file:
            content = file.read()
        name = os.path.relpath(path, folder).replace(os.sep, "/")
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def call_in_worker(package: DriverPackage, call: bytes) -> tuple[OtherPackage | None, Any]:
    """What a call gives with the driver's noisyseg, or what is here in its place.

    Args:
        package: the driver's.
        call: (function, arguments), pickled: noisyseg is imported with them, so they are not
            unpickled before the driver's package stands in its place.
    """
    other = adopt(package)
    if other is not None:
        return other, None
    function, arguments = pickle.loads(call)
    return None, function(*arguments)


def adopt(package: DriverPackage) -> OtherPackage | None:
    """Make the driver's package this process's noisyseg, if it is here or an equal one is.

    Returns:
        What is here in its place; None if all is well.
    """
    if getattr(sys.modules.get(_NAME), _FOUND_EQUAL, None) == package.sha256:
        return None  # what it loaded for an earlier run, whatever lies there now
    if _NAME not in sys.modules:
        sys.path[:] = [entry for entry in sys.path if entry not in package.hidden]
        _load_from(package.folder)
    try:
        import noisyseg
    except Exception as error:  # noqa: BLE001 (whatever a stranger's package raises)
        return platform.node(), f"no folder ({type(error).__name__}: {error})", "none"
    folders = [os.path.realpath(folder) for folder in noisyseg.__path__]
    if len(folders) == 1 and python_files_sha256(folders[0]) == package.sha256:
        setattr(noisyseg, _FOUND_EQUAL, package.sha256)
        return None
    return platform.node(), " and ".join(folders), getattr(noisyseg, "__version__", "none")


def _load_from(folder: str) -> None:
    """Import noisyseg from this folder, if it is there: another machine may have it elsewhere."""
    file = os.path.join(folder, "__init__.py")
    if not os.path.isfile(file):
        return
    spec = spec_from_file_location(_NAME, file, submodule_search_locations=[folder])
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    sys.modules[_NAME] = module
    spec.loader.exec_module(module)


def mismatch(package: DriverPackage, other: OtherPackage) -> InputError:
    """The error that names both places."""
    node, place, version = other
    if place == package.folder:
        return InputError(
            f"the Python files of noisyseg in {package.folder} changed while its runs were under "
            "way, so that some would be made by other code. Call the same command again: what is "
            "finished is kept."
        )
    return InputError(
        f"a worker on {node} has another noisyseg than this process: version {version} "
        f"in {place}, here version {package.version} in {package.folder}. Install the same "
        "one on every node, or let all nodes see this folder."
    )
