"""The paper's data sets: their official counts, classes and file names, as facts."""

from dataclasses import dataclass

VOC_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
CITYSCAPES_CLASSES = {
    "person": 24,
    "rider": 25,
    "car": 26,
    "truck": 27,
    "bus": 28,
    "train": 31,
    "motorcycle": 32,
    "bicycle": 33,
}
# The lengths of SBD's own lists, another split of VOC 2012's images.
SBD_LISTS = {"train": 8498, "val": 2857}
# VOC's own masks; the Semantic Boundaries Dataset's; boxes as polygons.
VOC_MASKS = ("seg", "sbd", "box")


@dataclass(kw_only=True, slots=True, frozen=True)
class Known:
    """A data set as its makers publish it.

    Attributes:
        name: as in records; VOC's names its mask source.
        images: official number of images of `train` and `val`; None where none is official.
        classes: number of classes.
    """

    name: str
    images: dict[str, int] | None
    classes: int


# VOC: lines of ImageSets/Segmentation and of ImageSets/Main. SBD: of Main's images, those that SBD
# annotates (its train.txt and val.txt together), a number that no one publishes.
KNOWN = {
    known.name: known
    for known in (
        Known(name="voc2012-seg", images={"train": 1464, "val": 1449}, classes=20),
        Known(name="voc2012-sbd", images=None, classes=20),
        Known(name="voc2012-box", images={"train": 5717, "val": 5823}, classes=20),
        Known(name="coco2017", images={"train": 118287, "val": 5000}, classes=80),
        Known(name="cityscapes", images={"train": 2975, "val": 500}, classes=8),
    )
}
