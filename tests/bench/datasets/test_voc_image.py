import numpy as np
import pytest
import scipy.io
from PIL import Image
from pycocotools import mask as coco_mask

from noisyseg.bench.datasets.formats.voc2012 import list_file, voc_tasks
from noisyseg.bench.datasets.voc_image import CATEGORIES, convert_voc
from noisyseg.errors import InputError

# VOC's order, as its development kit lists them.
CLASSES = [
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
]
MASKS = ["seg", "sbd", "box"]
HEIGHT, WIDTH = 72, 96


def tasks(root, masks, split="train"):
    sbd = root / "benchmark_RELEASE" / "dataset" if masks == "sbd" else None
    return voc_tasks(root / "VOCdevkit" / "VOC2012", sbd, masks=masks, split=split)


def decoded(annotation):
    segmentation = annotation["segmentation"]
    if isinstance(segmentation, list):
        segmentation = coco_mask.merge(coco_mask.frPyObjects(segmentation, HEIGHT, WIDTH))
    return coco_mask.decode(segmentation).astype(bool)


def told(annotation):
    """Class, box and area, and whether the instance is ignored."""
    name = CLASSES[annotation["category_id"] - 1]
    return name, annotation["bbox"], annotation["area"], annotation["iscrowd"]


def test_the_categories_are_vocs():
    assert [entry["name"] for entry in CATEGORIES] == CLASSES
    assert [entry["id"] for entry in CATEGORIES] == list(range(1, 21))


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("masks", MASKS)
def test_what_was_drawn_comes_back(official, drawn, masks, split):
    """Pixel for pixel, in order; difficult ones are ignored in val and not in train at all."""
    images = drawn["voc2012"][masks][split]
    of_split = tasks(official, masks, split)
    assert [task.name for task in of_split] == list(images)
    left_out = 0
    for task, instances in zip(of_split, images.values(), strict=True):
        converted = convert_voc(task)
        kept = [entry for entry in instances if split == "val" or not entry["difficult"]]
        left_out += len(instances) - len(kept)
        assert [told(annotation) for annotation in converted.annotations] == [
            (entry["class"], entry["bbox"], entry["area"], int(entry["difficult"]))
            for entry in kept
        ]
        for annotation, entry in zip(converted.annotations, kept, strict=True):
            assert np.array_equal(decoded(annotation), coco_mask.decode(entry["mask"]))
        assert converted.image == {"file_name": f"{task.name}.jpg", "width": 96, "height": 72}
        assert converted.remarks == []
    assert left_out > 0 or split == "val"


def test_the_scenes_hold_what_is_hard(official, drawn):
    """Touching instances of one class, void pixels, occlusion, difficult objects, SBD's gap."""
    images = drawn["voc2012"]["sbd"]["val"]
    for name, entries in images.items():
        one, other = (coco_mask.decode(entry["mask"]) for entry in entries[:2])
        assert entries[0]["class"] == entries[1]["class"]
        assert (one[:, :-1] & other[:, 1:]).any()
        path = official / "VOCdevkit/VOC2012/SegmentationObject" / f"{name}.png"
        assert (np.asarray(Image.open(path)) == 255).any()
    every = [entry for entries in images.values() for entry in entries]
    assert any(entry["difficult"] for entry in every)
    assert any(entry["area"] < entry["bbox"][2] * entry["bbox"][3] for entry in every)
    assert len(drawn["voc2012"]["box"]["val"]) == len(images) + 1


@pytest.mark.parametrize("seed", range(20))
def test_a_rectangle_is_exactly_its_pixels(copied, seed):
    random = np.random.RandomState(seed)
    (task, *_) = tasks(copied, "box")
    x, y = random.randint(WIDTH), random.randint(HEIGHT)
    w, h = random.randint(1, WIDTH - x + 1), random.randint(1, HEIGHT - y + 1)
    if seed == 0:
        x, y, w, h = 0, 0, WIDTH, HEIGHT
    inside = f"<xmin>{x + 1}</xmin><ymin>{y + 1}</ymin><xmax>{x + w}</xmax><ymax>{y + h}</ymax>"
    (task.voc / "Annotations" / f"{task.name}.xml").write_text(
        f"<annotation><object><name>cow</name><bndbox>{inside}</bndbox></object></annotation>"
    )
    (annotation,) = convert_voc(task).annotations
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y : y + h, x : x + w] = True
    assert np.array_equal(decoded(annotation), mask)
    assert told(annotation) == ("cow", [x, y, w, h], w * h, 0)


# Lists


def test_each_source_has_its_list(tmp_path):
    sets = tmp_path / "ImageSets"
    assert list_file(tmp_path, "seg", "train") == sets / "Segmentation" / "train.txt"
    assert list_file(tmp_path, "sbd", "val") == sets / "Main" / "val.txt"
    assert list_file(tmp_path, "box", "val") == sets / "Main" / "val.txt"


def test_sbd_uses_vocs_split_and_not_its_own(copied):
    """SBD's train.txt holds images of VOC's val: of both lists together VOC's are taken."""
    sbd = copied / "benchmark_RELEASE" / "dataset"
    own = set((sbd / "train.txt").read_text().split())
    names = [task.name for task in tasks(copied, "sbd", "val")]
    assert own & set(names)
    assert own != set(names)
    assert all(task.keep_difficult for task in tasks(copied, "sbd", "val"))
    for name in ("train.txt", "val.txt"):
        (sbd / name).write_text("2012_999999\n" + name.removesuffix(".txt") + "\n")
    with pytest.raises(InputError, match="SBD's lists name no image of VOC's train list"):
        tasks(copied, "sbd", "train")


@pytest.mark.parametrize("masks", MASKS)
def test_an_empty_or_absent_list_is_named(copied, masks):
    path = list_file(copied / "VOCdevkit" / "VOC2012", masks, "train")
    path.write_text("\n")
    with pytest.raises(InputError, match=f"{path} names no image"):
        tasks(copied, masks)
    path.unlink()
    with pytest.raises(InputError, match=f"no image list at {path}"):
        tasks(copied, masks)


# Bad input: each names the file


def path_of(task, kind):
    folders = {"JPEGImages": "jpg", "Annotations": "xml"}
    if kind == "inst":
        return task.sbd / f"{task.name}.mat"
    return task.voc / kind / f"{task.name}.{folders.get(kind, 'png')}"


def refused(task, path):
    with pytest.raises(InputError) as caught:
        convert_voc(task)
    assert str(path) in str(caught.value)
    return str(caught.value)


FILES = [
    *(("box", "JPEGImages"), ("box", "Annotations"), ("sbd", "JPEGImages"), ("sbd", "inst")),
    *(("sbd", "Annotations"), ("seg", "JPEGImages"), ("seg", "Annotations")),
    *(("seg", "SegmentationObject"), ("seg", "SegmentationClass")),
]


@pytest.mark.parametrize(("masks", "kind"), FILES)
def test_absent_cut_and_foreign_files_are_named(copied, masks, kind):
    (task, *_) = tasks(copied, masks)
    path = path_of(task, kind)
    content = path.read_bytes()
    path.unlink()
    assert "is not there, though its image list names it" in refused(task, path)
    for damaged in (content[: len(content) // 2], b"", b"Not found"):
        path.write_bytes(damaged)
        assert "unpack it again" in refused(task, path).lower()


@pytest.mark.parametrize("kind", ["SegmentationObject", "SegmentationClass"])
def test_a_mask_in_colours_is_named(copied, kind):
    (task, *_) = tasks(copied, "seg")
    path = path_of(task, kind)
    Image.open(path).convert("RGB").save(path)
    assert "got mode RGB" in refused(task, path)


@pytest.mark.parametrize("kind", ["SegmentationObject", "SegmentationClass"])
def test_masks_of_another_size_are_named(copied, kind):
    (task, *_) = tasks(copied, "seg")
    path = path_of(task, kind)
    values = np.asarray(Image.open(path))
    Image.fromarray(values[:, :-1]).save(path)
    assert "of different sizes" in refused(task, path)
    other = path_of(task, "SegmentationClass")
    for path in (path_of(task, "SegmentationObject"), other):
        Image.fromarray(values[:, :-1]).save(path)
    said = refused(task, path_of(task, "SegmentationObject"))
    assert "has 95 × 72 pixels" in said
    assert f"{path_of(task, 'JPEGImages')} 96 × 72" in said


@pytest.mark.parametrize("masks", ["seg", "sbd"])
def test_masks_of_another_size_are_named_without_an_instance(copied, masks):
    (task, *_) = tasks(copied, masks)
    none = np.zeros((HEIGHT, WIDTH - 1), np.uint8)
    kinds = ["inst"] if masks == "sbd" else ["SegmentationObject", "SegmentationClass"]
    for kind in kinds:
        if kind == "inst":
            content = {"Segmentation": none, "Categories": np.zeros((0, 1), np.uint8)}
            scipy.io.savemat(path_of(task, kind), {"GTinst": content})
        else:
            Image.fromarray(none).save(path_of(task, kind))
    assert "has 95 × 72 pixels" in refused(task, path_of(task, kinds[0]))


def repaint(path, change):
    values = np.array(Image.open(path))
    change(values)
    Image.fromarray(values).save(path)


@pytest.mark.parametrize(("value", "said"), [(21, "21 is no class"), (0, "0 is no class")])
def test_a_class_outside_the_list_is_named(copied, value, said):
    (task, *_) = tasks(copied, "seg")
    path = path_of(task, "SegmentationClass")
    repaint(path, lambda values: values.fill(value))
    assert said in refused(task, path)


def test_a_class_outside_the_list_in_xml_is_named(copied):
    (task, *_) = tasks(copied, "box")
    path = path_of(task, "Annotations")
    text = path.read_text()
    path.write_text(text.replace("<name>", "<name>x"))
    assert "is none of VOC's 20 classes" in refused(task, path)
    path.write_text("<annotation></annotation>")
    assert "holds no object" in refused(task, path)
    path.write_text("<!DOCTYPE annotation>" + text)
    assert "document type" in refused(task, path)


NUMBERS = np.zeros((HEIGHT, WIDTH), np.uint8)
NUMBERS[4:9, 4:9] = 1
NUMBERS[30:40, 50:70] = 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"GTcls": {"Segmentation": NUMBERS}}, "wanted GTinst.Segmentation"),
        ({"GTinst": {"Segmentation": NUMBERS}}, "Categories"),
        ({"GTinst": NUMBERS}, "wanted GTinst.Segmentation"),
        ({"GTinst": {"Segmentation": NUMBERS, "Categories": np.uint8([[3]])}}, "but 1 categories"),
        ({"GTinst": {"Segmentation": NUMBERS, "Categories": np.uint8([[3], [21]])}}, "21 is no"),
        ({"GTinst": {"Segmentation": NUMBERS, "Categories": np.uint8([[3], [0]])}}, "0 is no"),
        ({"GTinst": {"Segmentation": NUMBERS + 0.5, "Categories": [[3], [4]]}}, "whole numbers"),
        ({"GTinst": {"Segmentation": NUMBERS, "Categories": "cat"}}, "whole numbers"),
        (
            {"GTinst": {"Segmentation": NUMBERS[:, 1:], "Categories": np.uint8([[3], [4]])}},
            "has 95 × 72 pixels",
        ),
    ],
)
def test_unfit_content_of_a_mat_file_is_named(copied, content, said):
    (task, *_) = tasks(copied, "sbd")
    path = path_of(task, "inst")
    scipy.io.savemat(path, content, do_compression=True)
    assert said in refused(task, path)


def test_a_mat_file_of_one_instance_or_none(copied):
    (task, *_) = tasks(copied, "sbd")
    path = path_of(task, "inst")
    one = {"Segmentation": np.uint8(NUMBERS == 1), "Categories": np.uint8([[3]])}
    scipy.io.savemat(path, {"GTinst": one})
    (annotation,) = convert_voc(task).annotations
    assert told(annotation)[:3] == ("bird", [4, 4, 5, 5], 25)
    none = {"Segmentation": np.zeros_like(NUMBERS), "Categories": np.zeros((0, 1), np.uint8)}
    scipy.io.savemat(path, {"GTinst": none})
    assert convert_voc(task).annotations == []


# Classes of masks against the objects of the XML file


def test_void_and_stray_pixels_do_not_decide_a_class(copied):
    (task, *_) = tasks(copied, "seg")
    before = convert_voc(task).annotations
    x, y, width, _ = before[0]["bbox"]

    def change(values):
        values[y, x : x + width] = 255
        values[y + 1, x : x + width] = 20

    repaint(path_of(task, "SegmentationClass"), change)
    assert convert_voc(task).annotations == before


def test_classes_that_disagree_are_remarked_and_the_masks_is_kept(copied):
    (task, *_) = tasks(copied, "seg")
    before = convert_voc(task).annotations
    path = path_of(task, "Annotations")
    first = CLASSES[before[0]["category_id"] - 1]
    path.write_text(path.read_text().replace(first, "sofa", 1))
    converted = convert_voc(task)
    assert converted.annotations == before
    assert converted.remarks == ["an instance's class is not its XML object's (the mask's is kept)"]


def test_an_instance_without_an_object_is_remarked_and_kept(copied):
    (task, *_) = tasks(copied, "sbd", "val")
    scipy.io.savemat(
        path_of(task, "inst"),
        {"GTinst": {"Segmentation": NUMBERS, "Categories": np.uint8([[3], [4]])}},
    )
    path_of(task, "Annotations").write_text(
        "<annotation><object><name>bird</name><difficult>1</difficult><bndbox><xmin>5</xmin>"
        "<ymin>5</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"
    )
    converted = convert_voc(task)
    assert [told(annotation) for annotation in converted.annotations] == [
        ("bird", [4, 4, 5, 5], 25, 1),
        ("boat", [50, 30, 20, 10], 200, 0),
    ]
    assert converted.remarks == ["an instance overlaps no object of its XML file"]


def test_a_difficult_object_of_another_class_says_nothing_of_an_instance(copied):
    """Two objects at the same place: the chair is difficult, and its box fits the person best."""
    (task, *_) = tasks(copied, "seg", "val")
    (first, *_) = convert_voc(task).annotations
    x, y, width, height = first["bbox"]
    own, other = CLASSES[first["category_id"] - 1], "pottedplant"
    boxes = ((own, 0, x + width + 1), (other, 1, x + width))
    xml = task.voc / "Annotations" / f"{task.name}.xml"
    xml.write_text(
        "<annotation>"
        + "".join(
            f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{x + 1}"
            f"</xmin><ymin>{y + 1}</ymin><xmax>{right}</xmax><ymax>{y + height}</ymax></bndbox>"
            "</object>"
            for name, difficult, right in boxes
        )
        + "</annotation>"
    )
    found = convert_voc(task)
    assert found.annotations[0] == first
    assert first["iscrowd"] == 0
    assert any("class is not its XML object's" in remark for remark in found.remarks)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('<?xml version="1.0" encoding="foo"?><annotation/>', "unknown encoding: foo"),
        (
            "<annotation><object><name>cat</name><difficult>yes</difficult></object></annotation>",
            "0 or 1",
        ),
    ],
)
def test_odd_xml_files_are_named(copied, content, problem):
    (task, *_) = tasks(copied, "box")
    xml = task.voc / "Annotations" / f"{task.name}.xml"
    xml.write_text(content)
    with pytest.raises(InputError, match=problem) as caught:
        convert_voc(task)
    assert str(xml) in str(caught.value)


@pytest.mark.parametrize("orientation", [2, 3, 6])  # mirrored, upside down, by a quarter
def test_a_picture_that_is_turned_is_refused(copied, orientation):
    (task, *_) = tasks(copied, "box")
    picture = task.voc / "JPEGImages" / f"{task.name}.jpg"
    with Image.open(picture) as image:
        exif = image.getexif()
        exif[0x0112] = orientation
        image.load()
        image.save(picture, exif=exif)
    with pytest.raises(InputError, match="turned by its EXIF orientation"):
        convert_voc(task)
