import random

import numpy as np
import pytest

from noisyseg.errors import InputError
from noisyseg.noise.matching.images import matched_images


def document(names, boxes=None, numbers=None, sizes=None):
    """Images of the given names, numbered from 1 on, each with its own boxes (default: none)."""
    numbers = numbers or range(1, len(names) + 1)
    boxes = boxes or [[]] * len(names)
    sizes = sizes or [(100, 80)] * len(names)
    images = [
        {"id": n, "file_name": name, "width": w, "height": h}
        for n, name, (w, h) in zip(numbers, names, sizes, strict=True)
    ]
    annotations = [
        {"image_id": n, "bbox": list(box)}
        for n, own in zip(numbers, boxes, strict=True)
        for box in own
    ]
    return {"images": images, "annotations": annotations, "categories": []}


def found(before, after):
    """The ids that images 1, 2, … of the file before have in the file after, and by what."""
    matched = matched_images(before, after)
    back = {was: now for now, was in matched.ids.items()}
    return [back[number] for number in sorted(back)], matched.by


@pytest.mark.parametrize(
    ("before", "after", "by"),  # the names after are in the order of those before, renumbered below
    [
        (["a.jpg", "b.jpg", "c.jpg"], ["a.jpg", "b.jpg", "c.jpg"], "file name"),
        (["Caf\u00e9.jpg", "b.jpg"], ["Cafe\u0301.jpg", "b.jpg"], "file name"),
        (["a.jpg", "b.jpg"], ["images/a.jpg", "images/b.jpg"], "base name"),
        (["x/a.jpg", "y/b.jpg"], ["C:\\data\\a.jpg", "C:\\data\\b.jpg"], "base name"),
        (["my a.jpg", "b.jpg"], ["my%20a.jpg", "/data/b.jpg"], "base name"),
        (["a.jpg", "b.jpg"], ["https://h.org/a.jpg?sig=1/2", "s3://bucket/b.jpg"], "base name"),
        (["a#1.jpg", "b.jpg"], ["s3://bucket/a#1.jpg", "s3://bucket/b.jpg"], "base name"),
        (["a.jpg"], ["/data/local-files/?d=folder%2Fa.jpg"], "base name"),
        (
            ["cam1/001.jpg", "cam2/001.jpg"],
            ["images\\cam1\\001.jpg", "images\\cam2\\001.jpg"],
            "path below the shared folder",
        ),
        (["001.jpg", "x/001.jpg"], ["i/001.jpg", "i/x/001.jpg"], "path below the shared folder"),
        (
            ["one/cam1/001.jpg", "two/cam2/001.jpg"],
            ["1/cam1/001.jpg", "2/cam2/001.jpg"],
            "last 2 parts of the path",
        ),
        (["a.png", "b.c.png"], ["a.jpg", "b.c.jpg"], "base name without its ending"),
        (
            ["cam1/001.png", "cam2/001.png"],
            ["cam1/001.jpg", "cam2/001.jpg"],
            "path below the shared folder without its ending",
        ),
        (
            ["name.jpg", "IMG 2.jpg"],
            ["0a1b-name.jpg", "images\\9f8e7d6c-IMG_2.jpg"],
            "base name without what annotation tools add",
        ),
        (
            ["0a1b2c3d-name.jpg", "11112222-b.jpg"],
            ["9f8e7d6c-name.jpg", "33334444-b.jpg"],
            "base name without what annotation tools add",
        ),
        (
            ["dead-1.jpg", "beef-1.jpg"],  # no additions: as they were before the upload
            ["0a1b2c3d-dead-1.jpg", "11112222-beef-1.jpg"],
            "base name without what annotation tools add",
        ),
        (
            ["name.jpg", "b 1.PNG"],
            ["name_jpg.rf.0123456789abcdef.jpg", "b-1_PNG.rf.fedcba987.jpg"],
            "base name without what annotation tools add",
        ),
        (
            ["a.jpg", "b.jpg"],
            ["123e4567-e89b-12d3-a456-426614174000-a.jpg", "b.jpg"],
            "base name without what annotation tools add",
        ),
        (["IMG_1.JPG", "IMG_2.JPG"], ["img_1.jpg", "img_2.jpg"], "annotation tools add"),
    ],
)
def test_images_are_matched_by_what_their_names_have_in_common(before, after, by):
    numbers = list(range(len(after), 0, -1))  # so that ids alone would swap images
    pairs, how = found(document(before), document(after, numbers=numbers))
    assert pairs == numbers
    assert how.endswith(by)
    assert found(document(after), document(before, numbers=numbers))[0] == numbers


BOXES = [
    [(0, 0, 10, 10), (40, 0, 20, 10)],
    [(3, 5, 10, 10)],
    [(3, 9, 10, 10)],
    [(40.004, 0, 20, 10), (0, 30, 10, 10)],
    [],
    [],
]


def shuffled(seed, shift=0.0):
    """Images 1 … 6 renamed and renumbered, their boxes rounded and in another order."""
    order = list(range(6))
    random.Random(seed).shuffle(order)
    boxes = [[[round(v + shift, 2) for v in box] for box in BOXES[i][::-1]] for i in order]
    numbers = [order.index(i) + 1 for i in range(6)]
    return document([f"export-{n:05}.png" for n in range(6)], boxes), numbers


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_images_of_other_names_are_matched_by_size_and_objects(seed, shift):
    before = document([f"{n}.jpg" for n in "abcdef"], BOXES)
    after, numbers = shuffled(seed, shift)
    pairs, how = found(before, after)
    assert how == "size and objects"
    assert pairs[:4] == numbers[:4]
    assert sorted(pairs[4:]) == sorted(numbers[4:])  # no object: either is as good


def test_names_that_repeat_are_no_names():
    before = document(["001.jpg", "001.jpg"], [[(0, 0, 5, 5)], [(20, 0, 5, 5)]])
    after = document(["001.jpg", "001.jpg"], [[(20, 0, 5, 5)], [(0, 0, 5, 5)]], [5, 6])
    assert found(before, after) == ([6, 5], "size and objects")


def test_sizes_tell_images_of_equal_objects_apart():
    box = [(0, 0, 5, 5)]
    before = document(["a", "b"], [box, box], sizes=[(100, 80), (80, 100)])
    after = document(["x", "y"], [box, box], sizes=[(80, 100), (100, 80)])
    assert found(before, after) == ([2, 1], "size and objects")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        # Equal ids of other names say nothing, and nothing else tells.
        (document(["a", "b"]), document(["x", "y"]), "cannot be told.*Equal ids do not count"),
        (
            document(["a", "b"], [[(0, 0, 5, 5)]] * 2),
            document(["x", "y"], [[(0, 0, 5, 5)]] * 2),
            r"cannot be told.*\(2 before, 2 after\): no file name .*only before: 'a', 'b'",
        ),
        (
            document(["a", "b"], [[(0, 0, 5, 5)], [(30, 0, 5, 5)]]),
            document(["x", "y"], [[(0, 0, 5, 5)], [(30, 9, 5, 5)]]),
            "cannot be told",
        ),
        (
            document(["c1/1.jpg", "c2/1.jpg"]),
            document(["1.jpg", "1.jpg"], numbers=[3, 4]),
            r"cannot be told.*file names repeat \('1.jpg'\)",
        ),
        (document(["a", "b"]), document(["a"]), "different images: only before: 'b'. 1 images"),
        (document(["a.jpg"]), document(["i/a.png", "i/b.png"]), "only after: 'i/b.png'"),
        # Two augmentations of one image: which is the original's?
        (
            document(["a.jpg", "b.jpg"]),
            document(["a_jpg.rf.0a1b.jpg", "a_jpg.rf.1b2c.jpg"]),
            "cannot be told",
        ),
    ],
)
def test_what_cannot_be_decided_is_refused(before, after, message):
    with pytest.raises(InputError, match=message):
        matched_images(before, after)


def test_names_that_were_dealt_out_anew_are_refused():
    boxes = [[(10 * n, 0, 5, 5)] for n in range(4)]
    names = [f"{n}.jpg" for n in range(4)]
    before, after = document(names, boxes), document(names, boxes[1:] + boxes[:1], [9, 8, 7, 6])
    with pytest.raises(InputError, match="only 0 of 4 images have an object in the same place"):
        matched_images(before, after)
    # The same where the folders contradict: the base names are unique.
    before = document(["cam1/1.jpg", "cam2/2.jpg"], boxes[:2])
    after = document(["cam2/1.jpg", "cam1/2.jpg"], boxes[1::-1], [9, 8])
    with pytest.raises(InputError, match="by base name, only 0 of 2 images"):
        matched_images(before, after)


def test_another_annotation_of_images_of_the_same_names_is_matched_by_name():
    before = document(["a", "b"], [[(0, 0, 5, 5)], [(30, 0, 5, 5)]])
    after = document(["b", "a"], [[(60, 0, 5, 5)], [(60, 40, 5, 5)]])
    assert found(before, after) == ([2, 1], "file name")


@pytest.mark.parametrize("damage", ["moved", "one less"])
def test_names_dealt_out_anew_are_seen_though_objects_changed(damage):
    generator = np.random.default_rng(3)
    boxes = {n: generator.integers(0, 150, (8, 4)) + np.array([0, 0, 20, 20]) for n in range(30)}

    def file(turn, change):
        images = [
            {"id": n, "file_name": f"{(n + turn) % 30}.png", "width": 400, "height": 400}
            for n in boxes
        ]
        annotations = [
            {"id": 100 * n + k, "image_id": n, "category_id": 1, "bbox": (box + change).tolist()}
            for n, several in boxes.items()
            for k, box in enumerate(several)
        ]
        categories = [{"id": 1, "name": "cat"}]
        return {"images": images, "annotations": annotations, "categories": categories}

    before, after = file(0, 0), file(1, [3, -2, 1, 2] if damage == "moved" else 0)
    if damage == "one less":
        del after["annotations"][17]
    with pytest.raises(InputError, match="of the first 30, the objects of 30 fit another"):
        matched_images(before, after)
    for image in after["images"]:  # the right names, and the same changes
        image["file_name"] = f"new/{image['id']}.png"
    assert matched_images(before, after) == ({n: n for n in boxes}, "base name")
