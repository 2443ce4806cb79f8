"""Annotation files that init makes of somebody's: some of the images, perhaps renamed."""

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from noisyseg.annotation_files.document import (
    check_document,
    encode_annotations,
    parse_annotations,
)
from noisyseg.annotation_files.file_layout import layout_of, without_annotations
from noisyseg.annotation_files.mapped_file import map_file

Images = Sequence[dict[str, Any]]


def file_of(path: Path, images: Images) -> bytes:
    """An annotation file with these images alone, and their annotations as they are in it.

    Args:
        path: of the whole file.
        images: of its images, perhaps renamed.

    Raises:
        InputError: a file that cannot be used.
    """
    kept = {image["id"] for image in images}
    document, entries = _read(path)
    head = {key: value for key, value in document.items() if key != "annotations"}
    start = encode_annotations({**head, "images": list(images)})
    return b"".join((start[:-1], b',"annotations":[', b",".join(entries(kept)), b"]}\n"))


def _read(path: Path) -> tuple[dict[str, Any], Callable[[Collection[int]], Iterator[bytes]]]:
    """A file without its annotations, and what gives those of some images, digit by digit."""
    data = map_file(path)
    layout = layout_of(data)
    if layout is None or not len(layout.annotations):  # something unusual: parsed whole
        document = parse_annotations(bytes(data), str(path))
        return document, lambda kept: (
            encode_annotations(entry)
            for entry in document["annotations"]
            if entry["image_id"] in kept
        )
    rows = layout.annotations[:, [1, 3, 4]].tolist()
    document = without_annotations(data, layout.annotations[:, 3:])
    check_document(document, str(path))
    return document, lambda kept: (
        bytes(data[start:end]) for image, start, end in rows if image in kept
    )
