"""The bytes of a prepared file, of a document that was chosen from the source's."""

from pathlib import Path
from typing import Any

from noisyseg.annotation_files.document import encode_annotations
from noisyseg.annotation_files.identities import file_name
from noisyseg.errors import placed


def encode_prepared(document: dict[str, Any], source: Path) -> bytes:
    """The document with a file name for each image, as mmdet's reader wants.

    Args:
        document: a COCO document.
        source: the file that it was chosen from.

    Raises:
        InputError: a list in it is nested too deeply to be written.
    """
    with placed(str(source)):
        return encode_annotations(_with_file_names(document))


def _with_file_names(document: dict[str, Any]) -> dict[str, Any]:
    if all(image.get("file_name") for image in document["images"]):
        return document
    images = [{**image, "file_name": file_name(image)} for image in document["images"]]
    return {**document, "images": images}
