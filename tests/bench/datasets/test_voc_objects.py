import pytest

from noisyseg.bench.datasets.voc_objects import (
    VocObject,
    best_object,
    box_overlap,
    read_objects,
)
from noisyseg.errors import InputError

SIZE = (96, 72)


def xml(*objects):
    return f"<annotation><filename>a.jpg</filename>{''.join(objects)}</annotation>"


def thing(box, name="cat", difficult=None, more=""):
    sides = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    inside = "".join(f"<{side}>{value}</{side}>" for side, value in sides)
    flag = "" if difficult is None else f"<difficult>{difficult}</difficult>"
    return f"<object><name>{name}</name>{flag}{more}<bndbox>{inside}</bndbox></object>"


@pytest.fixture
def read(tmp_path):
    path = tmp_path / "2008_000001.xml"

    def of(text, size=SIZE):
        path.write_text(text)
        objects, _ = read_objects(path, size)
        return objects

    of.path = path
    return of


def only_box(found):
    (entry,) = found
    return entry.box


def test_pixels_count_from_one_and_the_last_ones_belong_to_the_box(read):
    assert only_box(read(xml(thing((1, 1, 1, 1))))) == (0, 0, 1, 1)
    assert only_box(read(xml(thing((1, 1, 96, 72))))) == (0, 0, 96, 72)
    assert only_box(read(xml(thing((53, 20, 60, 21))))) == (52, 19, 8, 2)


def test_fractions_are_rounded_and_what_lies_outside_is_cut(read):
    """2011_003353 and others have fractions; some of VOC's boxes begin at 0."""
    assert only_box(read(xml(thing((45.70000076293945, 1.2, 60.5, 9.49))))) == (45, 0, 16, 9)
    assert only_box(read(xml(thing((0, 0, 97, 80))))) == (0, 0, 96, 72)


def test_objects_keep_their_order_class_and_flag(read):
    found = read(
        xml(
            thing((3, 3, 9, 9), "tvmonitor", 1),
            thing((1, 1, 9, 9), "aeroplane", 0),
            thing((2, 2, 9, 9), " person "),
        )
    )
    assert [(entry.name, entry.difficult) for entry in found] == [
        ("tvmonitor", True),
        ("aeroplane", False),
        ("person", False),
    ]


def test_parts_of_a_person_are_not_its_box(read):
    part = (
        "<part><name>head</name><bndbox><xmin>7</xmin><ymin>7</ymin><xmax>8</xmax></bndbox></part>"
    )
    found = read(xml(thing((2, 3, 40, 50), "person", 0, more=part)))
    assert found == [VocObject(name="person", box=(1, 2, 39, 48), difficult=False)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (xml(), "holds no object"),
        (xml(thing((1, 1, 9, 9), "unicorn")), "'unicorn' is none of VOC's 20 classes"),
        (xml(thing((1, 1, 9, 9), "Cat")), "'Cat' is none of"),
        (xml(thing((1, 1, 9, 9), "")), "an object has no name"),
        (xml("<object><name>cat</name></object>"), "an object has no bndbox/xmin"),
        (xml(thing((1, 1, 9, ""))), "an object has no bndbox/ymax"),
        (xml(thing((1, 1, 9, "nine"))), "wanted a number of pixels in bndbox, got 'nine'"),
        (xml(thing((1, 1, 9, "nan"))), "wanted a number of pixels in bndbox, got 'nan'"),
        (xml(thing((1, 1, "inf", 9))), "wanted a number of pixels in bndbox, got 'inf'"),
        (xml(thing((1, 1, "1e400", 9))), "wanted a number of pixels in bndbox, got '1e400'"),
        (xml(thing((9, 1, 8, 9))), "has no pixel in the image of 96 × 72"),
        (xml(thing((97, 1, 99, 9))), "has no pixel in the image of 96 × 72"),
        (xml(thing((-9, 1, 0, 9))), "has no pixel in the image of 96 × 72"),
        ("", "no element found"),
        ("<!DOCTYPE annotation>" + xml(thing((1, 1, 9, 9))), "declares a document type"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(read, text, problem):
    with pytest.raises(InputError) as caught:
        read(text)
    assert str(read.path) in str(caught.value)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ((0, 0, 4, 4), (0, 0, 4, 4), 1),
        ((0, 0, 4, 4), (4, 0, 4, 4), 0),  # side by side
        ((0, 0, 4, 4), (4, 4, 4, 4), 0),
        ((0, 0, 4, 4), (9, 9, 4, 4), 0),
        ((0, 0, 4, 4), (2, 0, 4, 4), 8 / 24),
        ((0, 0, 4, 4), (1, 1, 2, 2), 4 / 16),
    ],
)
def test_overlap_is_shared_over_covered_pixels(one, other, overlap):
    assert box_overlap(one, other) == overlap
    assert box_overlap(other, one) == overlap


def test_the_best_object_overlaps_most():
    objects = [
        VocObject(name="cat", box=box, difficult=False)
        for box in ((0, 0, 10, 10), (2, 2, 10, 10), (50, 50, 9, 9))
    ]
    assert best_object((2, 2, 9, 9), objects) is objects[1]
    assert best_object((0, 0, 2, 2), objects) is objects[0]
    assert best_object((30, 30, 9, 9), objects) is None
    assert best_object((0, 0, 2, 2), []) is None


@pytest.mark.parametrize(
    ("stated", "number"), [((96, 72), 0), ((72, 96), 1), ((96, 71), 1), (("", ""), 0)]
)
def test_another_size_is_remarked(read, stated, number):
    """The image decides: its boxes still lie in it."""
    width, height = stated
    size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    read.path.write_text(xml(size, thing((1, 1, 96, 72))))
    objects, remarks = read_objects(read.path, SIZE)
    assert only_box(objects) == (0, 0, 96, 72)
    assert remarks == ["an XML file states another size than its image has"] * number
