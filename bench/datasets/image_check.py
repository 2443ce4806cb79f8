"""Images decoded to their last pixel."""

from io import BytesIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from noisyseg.annotation_files.findings import EXPORT
from noisyseg.bench.datasets.check_report import UNPACK, Fault
from noisyseg.bench.datasets.image_files import image_size_as_read

_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
_READ_AGAIN = "check the disk and the file's permissions"


_JPEGS = ("JPEG", "MPO")
_SCAN, _END = b"\xff\xda", b"\xff\xd9"  # neither can be among the pixels of a JPEG


def pixel_faults(path: Path, size: tuple[int, int] | None) -> list[Fault]:
    """What is wrong with an image file.

    Args:
        path: of the image.
        size: width and height that its annotations say; None where nothing is said.
    """
    try:
        content = path.read_bytes()
        with Image.open(BytesIO(content)) as image:
            image.load()
            found = image_size_as_read(image)
            _check_end(content, image.format)
    except FileNotFoundError:
        return [Fault(kind="an image is not there", where=str(path), mend=UNPACK)]
    except UnidentifiedImageError:
        return [Fault(kind="a file is no image", where=str(path), mend=UNPACK)]
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the disk, not of Pillow
            where = f"{path} ({error.strerror})"
            return [Fault(kind="a file cannot be read", where=where, mend=_READ_AGAIN)]
        where = f"{path} ({error})"
        return [Fault(kind="an image is damaged or cut short", where=where, mend=UNPACK)]
    if size is not None and found != size:
        where = f"{path}: {found[0]} × {found[1]}, annotated as {size[0]} × {size[1]}"
        mend = f"take the images that the file was made for, or {EXPORT}"
        return [Fault(kind="an image's size is not its annotations'", where=where, mend=mend)]
    return []


def _check_end(content: bytes, kind: str | None) -> None:
    """Refuse a JPEG whose rest was never written: zeros decode to grey without a complaint.

    Raises:
        ValueError: no end mark after the last scan.
    """
    if kind in _JPEGS and content.rfind(_END) < content.rfind(_SCAN):
        raise ValueError("its end mark is missing")
