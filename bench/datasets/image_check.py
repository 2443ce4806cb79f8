"""Images decoded to their last pixel."""

from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from noisyseg.annotation_files.findings import EXPORT
from noisyseg.bench.datasets.check_report import UNPACK, Fault
from noisyseg.bench.datasets.image_files import TAKES, size_mismatch
from noisyseg.files import sha256_bytes
from noisyseg.image_reading import AsRead, UndecodedError, as_read, brightest_if_black

_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
_READ_AGAIN = "check the disk and the file's permissions"


_JPEGS = ("JPEG", "MPO")
_SCAN, _END = b"\xff\xda", b"\xff\xd9"  # neither can be among the pixels of a JPEG


class Looked(NamedTuple):
    """What a look at an image file found.

    Attributes:
        faults: what is wrong with it.
        deep: whether its values may have more than 8 bits.
        brightest: its brightest value, of 255, if those are read as nearly black; else None.
        sha256: of its bytes; None where they cannot be used.
    """

    faults: list[Fault]
    deep: bool = False
    brightest: int | None = None
    sha256: str | None = None


def look_at_pixels(path: Path, size: tuple[int, int] | None) -> Looked:
    """Decode an image file.

    Args:
        path: of the image.
        size: width and height that its annotations say; None where nothing is said.
    """
    try:
        content = path.read_bytes()
        found = _whole(content)
        brightest = brightest_if_black(content) if found.may_be_deep else None
    except FileNotFoundError:
        return _only("an image is not there", str(path), UNPACK)
    except UndecodedError as error:
        mend = f"save it as training reads images: {TAKES}"
        return _only("training cannot read an image", f"{path} ({error})", mend)
    except UnidentifiedImageError:
        return _only("a file is no image", str(path), UNPACK)
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the disk, not of Pillow
            return _only("a file cannot be read", f"{path} ({error.strerror})", _READ_AGAIN)
        return _only("an image is damaged or cut short", f"{path} ({error})", UNPACK)
    if size is not None and found.size != size:
        where = f"{path}: {size_mismatch(found.size, size)}"
        mend = f"take the images that the file was made for, or {EXPORT}"
        return _only("an image's size is not its annotations'", where, mend)
    return Looked([], found.may_be_deep, brightest, sha256_bytes(content))


def _only(kind: str, where: str, mend: str) -> Looked:
    return Looked([Fault(kind=kind, where=where, mend=mend)])


def _whole(content: bytes) -> AsRead:
    """What training gets of a file, all of which Pillow decodes: OpenCV fills gaps in silence."""
    try:
        with Image.open(BytesIO(content)) as image:
            image.load()
            _check_end(content, image.format)
    except UnidentifiedImageError as error:  # OpenCV knows some kinds that Pillow does not
        try:
            return as_read(BytesIO(content))
        except UndecodedError:
            raise error from None
    return as_read(BytesIO(content))


def _check_end(content: bytes, kind: str | None) -> None:
    """Refuse a JPEG whose rest was never written: zeros decode to grey without a complaint.

    Raises:
        ValueError: no end mark after the last scan.
    """
    if kind in _JPEGS and content.rfind(_END) < content.rfind(_SCAN):
        raise ValueError("its end mark is missing")
