"""Images with their changed annotations marked, for a noise report."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Polygon, Rectangle
from matplotlib.transforms import Bbox, IdentityTransform
from pycocotools import mask as coco_mask

from noisyseg.annotation_files.identities import file_name
from noisyseg.errors import InputError
from noisyseg.image_reading import Pixels, decoded
from noisyseg.mask_overlap import has_mask, run_lengths
from noisyseg.results.figures.style import new_figure, own_style, png

MOST = 24
_WIDTH = 3.4  # inches
_DPI = 110  # of photographs, 24 of which a page holds
_LABELS = 8  # an image's largest marks; more would hide it
_PAD = 1.5  # points around a label
FLIPPED, RESHAPED, REMOVED, ADDED = "flipped", "reshaped", "removed", "added"
COLOURS = {FLIPPED: "#e6007e", RESHAPED: "#ff9100", REMOVED: "#2962ff", ADDED: "#00a152"}

Document = Mapping[str, Any]
Annotation = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """An annotation to be drawn on its image: what happened to it, and what is written beside it.

    Attributes:
        ghost: its clean shape, drawn thin, if that was another one.
    """

    annotation: Annotation
    kind: str
    label: str
    ghost: Annotation | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """An image with its marks.

    Attributes:
        name: the image's file name.
        labels: of every mark; the figure has room for the largest ones alone.
        figure: the bytes of a PNG.
    """

    name: str
    labels: list[str]
    figure: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """The chosen images, and in a sentence what could not be shown."""

    shown: list[Example]
    remark: str


def examples(
    clean: Document, noisy: Document, difference: Mapping[str, Any], folder: Path | None
) -> Examples:
    """Up to 24 images with changed annotations, evenly spread over those that there are.

    Images with changed classes are preferred: only if there is none, others are shown.

    Args:
        clean, noisy: COCO documents.
        difference: see `noise_report.NoiseAudit`.
        folder: of the images; None to show none.
    """
    if folder is None:
        return Examples(shown=[], remark="No images are shown: no folder of images was given.")
    marks = _marks(clean, noisy, difference)
    images = [image for image in clean["images"] if image["id"] in marks]
    flipped = [i for i in images if any(m.kind == FLIPPED for m in marks[i["id"]])]
    candidates = sorted(flipped or images, key=lambda image: image["id"])
    if not candidates:
        return Examples(shown=[], remark="No images are shown: no annotation was changed.")
    there = [image for image in candidates if _is_inside(folder, file_name(image))]
    shown, unreadable, other_size = [], 0, 0
    for image in _spread(there, MOST):
        try:
            pixels = decoded((folder / file_name(image)).read_bytes())
        except (OSError, ValueError):
            unreadable += 1
            continue
        if pixels.shape[:2] == (image["height"], image["width"]):
            shown.append(_example(image, marks[image["id"]], pixels))
        else:
            other_size += 1
    changed = len(candidates)
    parts = [
        f"{len(shown)} of {changed} images with changed annotations, evenly spread over them.",
        _counted(changed - len(there), "of them are not in the folder of images."),
        _counted(unreadable, "could not be read."),
        _counted(
            other_size, "have another size, as training reads them, than the annotations say."
        ),
    ]
    return Examples(shown=shown, remark=" ".join(filter(None, parts)))


def _is_inside(folder: Path, name: str) -> bool:
    """Whether it names a file in the folder: a page that is passed on shows no other."""
    path = Path(name)
    try:
        return not path.is_absolute() and ".." not in path.parts and (folder / path).is_file()
    except (OSError, ValueError):  # a name too long, or with a NUL
        return False


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number else ""


def _spread(entries: Sequence[Any], most: int) -> list[Any]:
    number = min(len(entries), most)
    return [entries[place * len(entries) // number] for place in range(number)]


def _marks(
    clean: Document, noisy: Document, difference: Mapping[str, Any]
) -> dict[int, list[Mark]]:
    """By image id of the clean file, the largest annotation first."""
    old = {entry["id"]: entry for entry in clean["annotations"]}
    new = {entry["id"]: entry for entry in noisy["annotations"]}
    names = {category["id"]: category["name"] for category in clean["categories"]}
    new_names = {category["id"]: category["name"] for category in noisy["categories"]}
    marks: dict[int, list[Mark]] = defaultdict(list)
    flipped = set()
    for change in difference["class_changes"]:
        entry = old[change["before_id"]]
        flipped.add(entry["id"])
        label = f"{change['before']} → {change['after']}"
        marks[entry["image_id"]].append(Mark(annotation=entry, kind=FLIPPED, label=label))
    for change in difference["geometry_changes"]:
        was, now = old[change["before_id"]], new[change["after_id"]]
        if was["id"] not in flipped:
            label = f"{names[was['category_id']]}, IoU {change['iou']:.2f}"
            mark = Mark(annotation=now, kind=RESHAPED, label=label, ghost=was)
            marks[was["image_id"]].append(mark)
    for number in difference["removed"]:
        label = f"removed: {names[old[number]['category_id']]}"
        mark = Mark(annotation=old[number], kind=REMOVED, label=label)
        marks[old[number]["image_id"]].append(mark)
    renumbered = difference["renumbered_images"]
    clean_id = {entry["after_id"]: entry["before_id"] for entry in renumbered}
    for number in difference["added"]:
        label = f"added: {new_names[new[number]['category_id']]}"
        mark = Mark(annotation=new[number], kind=ADDED, label=label)
        image = new[number]["image_id"]
        marks[clean_id.get(image, image)].append(mark)
    return {image: sorted(entries, key=_rank) for image, entries in marks.items()}


def _rank(mark: Mark) -> tuple[float, int]:
    _, _, width, height = mark.annotation["bbox"]
    return -width * height, mark.annotation["id"]


def _example(image: Mapping[str, Any], marks: Sequence[Mark], pixels: Pixels) -> Example:
    width, height = image["width"], image["height"]
    with own_style():
        figure = new_figure(
            _WIDTH, _WIDTH * min(max(height / width, 0.4), 2.0), layout=None, dpi=_DPI
        )
        axes = figure.add_axes((0, 0, 1, 1))
        axes.imshow(pixels[:, :, ::-1], extent=(0, width, height, 0))
        axes.set_axis_off()
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        for mark in reversed(marks):  # the small ones above the large ones
            if mark.ghost is not None:
                _outline(axes, mark.ghost, (height, width), colour="white", thin=True)
            _outline(axes, mark.annotation, (height, width), colour=COLOURS[mark.kind], thin=False)
        _write_labels(axes, marks[:_LABELS])
        labels = [mark.label for mark in marks]
        return Example(name=file_name(image), labels=labels, figure=png(figure))


def _outline(
    axes: Axes, annotation: Annotation, size: tuple[int, int], *, colour: str, thin: bool
) -> None:
    style: dict[str, Any] = {"fill": False, "edgecolor": colour}
    x, y, width, height = annotation["bbox"]
    axes.add_patch(Rectangle((x, y), width, height, **style, linewidth=0.6, linestyle=(0, (4, 3))))
    line = 0.8 if thin else 1.6
    if not has_mask(annotation):
        return
    raw = annotation["segmentation"]
    if isinstance(raw, list):
        for polygon in raw:
            points = list(zip(polygon[::2], polygon[1::2], strict=False))
            axes.add_patch(Polygon(points, closed=True, **style, linewidth=line))
        return
    try:
        mask = coco_mask.decode(run_lengths(annotation, *size))
    except InputError:
        return  # the box alone, then: a report is no check of the file
    if 0 < mask.sum() < mask.size:
        extent = (0.5, size[1] - 0.5, 0.5, size[0] - 0.5)  # of the centres of the corner pixels
        axes.contour(mask, levels=[0.5], colors=[colour], linewidths=line, extent=extent)


def _write_labels(axes: Axes, marks: Sequence[Mark]) -> None:
    """Write each mark's label at its box, inside the image, unless another one is there already."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    frame = figure.bbox
    taken: list[Bbox] = []
    for mark in marks:
        x, y = axes.transData.transform(mark.annotation["bbox"][:2])
        text = axes.text(
            0,
            0,
            mark.label,
            transform=IdentityTransform(),
            fontsize=6.5,
            color="white",
            zorder=5,
            bbox={"facecolor": COLOURS[mark.kind], "edgecolor": "none", "pad": _PAD, "alpha": 0.9},
        )
        extent = text.get_window_extent().padded(_PAD * figure.dpi / 72)
        x = min(max(x, 0), max(frame.width - extent.width, 0))
        y = min(max(y, 0), max(frame.height - extent.height, 0))
        text.set_position((x - extent.x0, y - extent.y0))
        place = extent.translated(x - extent.x0, y - extent.y0)
        if any(place.overlaps(other) for other in taken):
            text.remove()
        else:
            taken.append(place)
