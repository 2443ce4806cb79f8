"""Archives unpacked whole or not at all; nothing in them may leave the folder."""

import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from noisyseg.errors import InputError


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar or zip file into folder; folders that are there are added to.

    It goes to a scratch folder first, so that a full disk or a kill leaves nothing that looks done.

    Raises:
        InputError: damaged, an entry that leaves the folder, or no place to write.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder, prefix=".unpacking-"))
    try:
        if zipfile.is_zipfile(archive):
            _unzip(archive, scratch)
        else:
            _untar(archive, scratch)
        _merge(scratch, folder)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, ValueError) as error:
        raise InputError(
            f"{archive} cannot be unpacked: {error}. Delete it and download it again."
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{archive} cannot be unpacked to {folder}: {reason}.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _untar(archive: Path, scratch: Path) -> None:
    with tarfile.open(archive) as content:
        # filter="data": no absolute names, no way out of the folder, no devices.
        content.extractall(scratch, filter="data")


def _unzip(archive: Path, scratch: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        for entry in content.infolist():
            name = PurePosixPath(entry.filename)
            is_link = stat.S_ISLNK(entry.external_attr >> 16)
            if name.is_absolute() or ".." in name.parts or "\\" in entry.filename or is_link:
                raise ValueError(f"its entry {entry.filename!r} leaves the folder")
        content.extractall(scratch)  # checks each entry's CRC


def _merge(scratch: Path, folder: Path) -> None:
    """Move what is new into place; only a folder that exists already is gone into."""
    for entry in sorted(scratch.iterdir()):
        target = folder / entry.name
        if entry.is_dir() and target.is_dir():
            _merge(entry, target)
        else:
            os.replace(entry, target)
