"""Archives unpacked whole or not at all; nothing in them may leave the folder."""

import hashlib
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from noisyseg.errors import InputError

_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar or zip file into folder; folders that are there are added to.

    It goes to a scratch folder first, so that a full disk or a kill leaves nothing that looks done.

    Raises:
        InputError: damaged, an entry that leaves the folder, or no place to write.
    """
    scratch = folder / f".unpacking-{archive.name}"
    try:
        shutil.rmtree(scratch, ignore_errors=True)  # of a call that was killed
        scratch.mkdir(parents=True)
        if zipfile.is_zipfile(archive):
            _unzip(archive, scratch)
        else:
            _untar(archive, scratch)
        _merge(scratch, folder)
    except (*_DAMAGED, NotImplementedError, RuntimeError) as error:  # the last two: encrypted
        raise InputError(
            f"{archive} cannot be unpacked: {error}. Delete it and download it again."
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{archive} cannot be unpacked to {folder}: {reason}.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def md5_file(path: Path) -> str:
    """MD5 of a file's bytes, 32 hex digits: what archives of that age have for a checksum."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _untar(archive: Path, scratch: Path) -> None:
    with tarfile.open(archive) as content:
        if hasattr(tarfile, "data_filter"):
            content.extractall(scratch, filter="data")  # no way out of the folder, no devices
            return
        # Debian 12's Python has no filters yet.
        for entry in content:
            if _leaves(entry.name) or not (entry.isreg() or entry.isdir()):
                raise ValueError(f"its entry {entry.name!r} leaves the folder, or is no file")
        content.extractall(scratch)


def _unzip(archive: Path, scratch: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        for entry in content.infolist():
            if _leaves(entry.filename) or stat.S_ISLNK(entry.external_attr >> 16):
                raise ValueError(f"its entry {entry.filename!r} leaves the folder")
        content.extractall(scratch)  # checks each entry's CRC


def _leaves(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or "\\" in name


def _merge(scratch: Path, folder: Path) -> None:
    """Move what is new into place; only a folder that exists already is gone into."""
    for entry in sorted(scratch.iterdir()):
        target = folder / entry.name
        if entry.is_dir() and target.is_dir():
            _merge(entry, target)
        else:
            os.replace(entry, target)
