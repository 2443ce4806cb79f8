"""The data-set formats by name, in the order in which they are listed."""

from noisyseg.bench.datasets.data_format import DataOptions, Format
from noisyseg.bench.datasets.formats.cityscapes import CITYSCAPES
from noisyseg.bench.datasets.formats.coco import COCO
from noisyseg.bench.datasets.formats.coco2017 import COCO2017
from noisyseg.bench.datasets.formats.shapes import SHAPES
from noisyseg.bench.datasets.formats.voc2012 import VOC2012
from noisyseg.errors import InputError
from noisyseg.located_yaml import Located

FORMATS: dict[str, Format] = {
    known.name: known for known in (SHAPES, COCO, VOC2012, COCO2017, CITYSCAPES)
}
MASKS = tuple(dict.fromkeys(masks for known in FORMATS.values() for masks in known.masks))


def format_of(section: Located) -> Format:
    """The format of a suite's `data` section.

    Raises:
        InputError: an unknown one.
    """
    name = section.get("format", "coco")
    if not isinstance(name, str) or name not in FORMATS:
        raise InputError(
            f"{section.where('format')}: format must be one of {', '.join(FORMATS)}, got {name!r}."
        )
    return FORMATS[name]


def named_formats() -> list[Format]:
    """Those whose data set needs no more than a root to be located."""
    return [known for known in FORMATS.values() if not known.required]


def refuse_masks(known: Format, options: DataOptions, what: str) -> None:
    """Refuse a source of masks for data that have one alone.

    Args:
        what: the data, for the message.

    Raises:
        InputError: says so.
    """
    if options.masks is not None and not known.masks:
        raise InputError(f"--masks chooses VOC's masks; {what}.")
