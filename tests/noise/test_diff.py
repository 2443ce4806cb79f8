import copy
import random
from collections import Counter
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisyseg.annotation_files.document import read_annotations
from noisyseg.errors import InputError
from noisyseg.noise.corrupt import corrupt
from noisyseg.noise.diff import diff
from noisyseg.noise.spec import NoiseSpec, make_step

COCO = Path(__file__).parents[1] / "data/coco_sample/annotations/instances_train2017.json"
NAMES = ["cat", "dog", "cow"]


def square(number, image, name, x, y, side=10, **more):
    return {
        "id": number,
        "image_id": image,
        "category_id": 5 * NAMES.index(name) + 2,
        "bbox": [x, y, side, side],
        "area": side * side,
        "segmentation": [[x, y, x + side, y, x + side, y + side, x, y + side]],
        "iscrowd": 0,
        **more,
    }


def document(*annotations, images=2):
    return {
        "images": [
            {"id": n, "file_name": f"{n}.png", "width": 100, "height": 80} for n in range(images)
        ],
        "annotations": list(annotations),
        "categories": [{"id": 5 * n + 2, "name": name} for n, name in enumerate(NAMES)],
    }


BEFORE = document(
    square(1, 0, "cat", 0, 0),
    square(2, 0, "dog", 40, 0),
    square(3, 1, "cow", 0, 0),
    square(4, 1, "cow", 40, 0),
    square(9, 1, "cat", 60, 40, iscrowd=1),
)


def test_numbers_written_otherwise_are_no_change():
    after = copy.deepcopy(BEFORE)
    for entry in after["annotations"]:
        entry["bbox"] = [float(number) for number in entry["bbox"]]
        entry["bbox"][1] = -0.0 if entry["bbox"][1] == 0 else entry["bbox"][1]
        entry |= {"area": float(entry["area"]), "iscrowd": bool(entry["iscrowd"])}
    found = diff(BEFORE, after, match="id")
    assert (found.class_changes, found.geometry_changes) == ([], [])
    assert found.crowds_counted is False


def test_by_id_every_kind_of_change_is_told():
    after = document(
        square(1, 0, "dog", 0, 0),
        square(2, 0, "dog", 42, 0),
        {**square(4, 1, "cow", 40, 0), "area": 7},
        square(9, 1, "cat", 60, 40, iscrowd=1),
        square(12, 1, "cat", 70, 0),
    )
    found = diff(BEFORE, after, match="id")
    (change,) = found.class_changes
    assert (change.before_id, change.after_id, change.before, change.after) == (1, 1, "cat", "dog")
    moved, resized = found.geometry_changes
    assert (moved.before_id, moved.fields) == (2, ("segmentation", "bbox"))
    assert moved.iou == pytest.approx(8 / 12)
    assert (resized.before_id, resized.fields, resized.iou) == (4, ("area",), 1.0)
    assert (found.removed, found.added) == ([3], [12])
    assert found.counts == [[0, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert found.matrix == [[0, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert (found.matched, found.rate, found.crowds_counted) == (3, 1 / 3, False)
    cat, dog, cow = found.classes
    assert (cat.before, cat.after, cat.matched, cat.changed, cat.rate) == (1, 1, 1, 1, 1.0)
    assert (cat.added, cow.removed, cow.before, cow.matched) == (1, 1, 2, 1)
    assert (dog.after, dog.changed) == (2, 0)
    orjson.dumps(found.as_json())


def test_equal_files_do_not_differ():
    for match in ("id", "iou"):
        found = diff(BEFORE, copy.deepcopy(BEFORE), match=match)
        changes = (found.class_changes, found.geometry_changes, found.removed, found.added)
        assert not any(changes)
        assert found.rate == 0.0
        assert found.matched == 4


def test_the_interval_holds_the_rates_that_fit_what_was_seen():
    many = document(*(square(n, 0, "cat", 0, 0) for n in range(50)))
    few_flipped = copy.deepcopy(many)
    for entry in few_flipped["annotations"][:7]:
        entry["category_id"] = 7
    found = diff(many, few_flipped, match="id")
    # Wilson: a limit is a rate from which the seen one is 1.96 of its standard deviations away.
    for limit in found.interval:
        assert abs(limit - 7 / 50) == pytest.approx(1.959964 * (limit * (1 - limit) / 50) ** 0.5)
    assert found.interval[0] < 7 / 50 < found.interval[1]
    assert found.classes[0].interval == found.interval
    assert found.classes[1].interval is None


def test_crowds_count_once_one_of_them_changes_its_class():
    after = copy.deepcopy(BEFORE)
    after["annotations"][4]["category_id"] = 7
    found = diff(BEFORE, after, match="id")
    assert found.crowds_counted
    assert (found.matched, found.rate) == (5, 1 / 5)
    assert diff(BEFORE, after, match="iou").class_changes == []


def test_categories_are_matched_by_name_and_images_by_name_if_ids_differ():
    after = copy.deepcopy(BEFORE)
    new_id = {2: 31, 7: 30, 12: 32}
    after["categories"] = [
        {"id": 30, "name": "dog"},
        {"id": 31, "name": "cat"},
        {"id": 32, "name": "cow"},
    ]
    for image in after["images"]:
        image["id"] = 1 - image["id"]
    for entry in after["annotations"]:
        entry["category_id"] = new_id[entry["category_id"]]
        entry["image_id"] = 1 - entry["image_id"]
    for match in ("id", "iou"):
        found = diff(BEFORE, after, match=match)
        assert found.class_changes == []
        assert (found.images, found.images_by) == (2, "file name")
        renumbered = {(image.before_id, image.after_id) for image in found.renumbered_images}
        assert renumbered == {(0, 1), (1, 0)}
        assert [entry.name for entry in found.classes] == NAMES
        assert [entry.before for entry in found.classes] == [1, 1, 2]


def test_by_iou_a_re_annotation_of_other_ids_is_matched():
    after = document(
        square(901, 0, "cow", 1, 1),
        square(900, 0, "dog", 41, 0),
        square(903, 1, "cow", 40, 6),  # IoU 4 / 16
        square(902, 1, "cat", 0, 2),
        square(907, 1, "cow", 60, 40, iscrowd=1),
    )
    found = diff(BEFORE, after, match="iou")
    pairs = [(c.before_id, c.after_id, c.before, c.after) for c in found.class_changes]
    assert pairs == [(1, 901, "cat", "cow"), (3, 902, "cow", "cat")]
    ious = {change.before_id: change.iou for change in found.geometry_changes}
    assert ious == pytest.approx({1: 81 / 119, 2: 9 / 11, 3: 8 / 12})
    assert (found.removed, found.added) == ([4], [903])
    assert diff(BEFORE, after, match="iou", min_iou=0.2).removed == []


def test_of_equal_overlaps_the_equal_class_goes_first():
    twins = document(square(1, 0, "cat", 0, 0), square(2, 0, "dog", 0, 0))
    swapped = document(square(1, 0, "dog", 0, 0), square(2, 0, "cat", 0, 0))
    assert diff(twins, swapped, match="iou").class_changes == []
    assert len(diff(twins, swapped, match="id").class_changes) == 2


def plain_greedy(old, new, least):
    """All pairs, best first, on sets of pixels of axis-aligned squares."""

    def pixels(entry):
        x, y, w, h = entry["bbox"]
        return {(i, j) for i in range(x, x + w) for j in range(y, y + h)}

    pairs = []
    for one in old:
        for other in new:
            a, b = pixels(one), pixels(other)
            iou = len(a & b) / len(a | b)
            if iou >= least:
                unlike = one["category_id"] != other["category_id"]
                pairs.append((-iou, unlike, one["id"], other["id"]))
    found = {}
    for _, _, one, other in sorted(pairs):
        if one not in found and other not in found.values():
            found[one] = other
    return found


SQUARES = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(0, 12), st.integers(0, 12), st.integers(3, 12)),
    max_size=7,
)


@settings(max_examples=60, deadline=None)
@given(old=SQUARES, new=SQUARES)
def test_by_iou_is_greedy_over_all_pairs(old, new):
    before = document(*(square(n, 0, *entry) for n, entry in enumerate(old)))
    after = document(*(square(100 + n, 0, *entry) for n, entry in enumerate(new)))
    wanted = plain_greedy(before["annotations"], after["annotations"], 0.3)
    found = diff(before, after, match="iou", min_iou=0.3)
    assert found.matched == len(wanted)
    assert found.removed == [n for n in range(len(old)) if n not in wanted]
    assert set(found.added) == {100 + n for n in range(len(new))} - set(wanted.values())
    names = {e["id"]: NAMES[(e["category_id"] - 2) // 5] for e in after["annotations"]}
    changed = {
        (n, m, name, names[m])
        for n, (name, *_) in enumerate(old)
        if (m := wanted.get(n)) is not None and names[m] != name
    }
    assert {(c.before_id, c.after_id, c.before, c.after) for c in found.class_changes} == changed


def test_it_tells_what_the_manifest_tells(make_document):
    clean = make_document(NAMES, per_class=100, crowds=9)
    for entry in clean["annotations"]:
        entry["image_id"] %= 7
    steps = (make_step("symmetric", rate=0.4, classes=NAMES),)
    noisy, manifest = corrupt(clean, NoiseSpec(steps=steps, seed=4))
    random.Random(1).shuffle(noisy["annotations"])
    found = diff(clean, noisy, match="id")
    assert found.counts == manifest["counts"]
    pairs = Counter((change.before, change.after) for change in found.class_changes)
    assert sum(pairs.values()) == manifest["annotations"]["class_changed"] > 0
    for i, row in enumerate(manifest["counts"]):
        assert all(pairs[NAMES[i], NAMES[j]] == n for j, n in enumerate(row) if i != j)


def test_real_coco_annotations_by_id_and_by_iou():
    clean = read_annotations(COCO)
    names = [category["name"] for category in clean["categories"]]
    steps = (make_step("symmetric", rate=0.4, classes=names),)
    noisy, manifest = corrupt(clean, NoiseSpec(steps=steps, seed=4))
    by_id, by_iou = (diff(clean, noisy, match=match) for match in ("id", "iou"))
    assert by_id.counts == by_iou.counts == manifest["counts"]
    assert by_id.class_changes == by_iou.class_changes


def changed(edit):
    after = copy.deepcopy(BEFORE)
    edit(after)
    return after


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d["categories"][0].update(name="kat"), "only before: 'cat'; only after: 'kat'"),
        (lambda d: d["categories"].pop(), r"different categories: only before: 'cow'\."),
        (lambda d: d["images"].pop(), r"of different images: only before: '1.png'\."),
        (
            lambda d: d["images"].append({**d["images"][0], "id": 7, "file_name": "x.png"}),
            "of different images: only after: 'x.png'",
        ),
        (lambda d: d["images"][0].update(width=50), "'0.png' is 100 × 80 pixels before and 50"),
        (
            lambda d: d["annotations"][0].update(image_id=1),
            "annotation 1 is of image 0 before and of image 1 after.*match by IoU",
        ),
    ],
)
def test_files_that_cannot_be_compared(edit, message):
    with pytest.raises(InputError, match=message):
        diff(BEFORE, changed(edit), match="id")


def with_ids(document, ids):
    after = copy.deepcopy(document)
    for entry in after["annotations"]:
        entry["id"] = ids.get(entry["id"], entry["id"])
    return after


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ({1: 2, 2: 1, 3: 4, 4: 3}, "of 4 annotations .* 4 do not overlap at all, and 4 lie where"),
        ({1: 2, 2: 1}, "of 4 annotations .* 2 do not overlap at all, and 2 lie where"),
        ({1: 3, 2: 4, 3: 1, 4: 2}, "annotation 1 is of image 0 before and of image 1"),
    ],
)
def test_annotations_that_were_renumbered_are_not_matched_by_id(ids, message):
    after = with_ids(BEFORE, ids)
    with pytest.raises(InputError, match=message + ".*--match iou"):
        diff(BEFORE, after, match="id")
    assert diff(BEFORE, after, match="iou").class_changes == []


def test_ids_that_mean_nothing_are_refused_though_the_shapes_were_redrawn_too():
    crowd = [square(n, 0, "cat", 12 * n, 0) for n in range(8)]
    redrawn = [square((n + 1) % 8, 0, "dog", 12 * n + 1, 1) for n in range(8)]
    with pytest.raises(InputError, match=r"of 8 annotations .* 8 do not overlap"):
        diff(document(*crowd), document(*redrawn), match="id")


def test_the_greatest_box_noise_is_no_renumbering(make_document):
    clean, place = make_document(NAMES, per_class=300), random.Random(0)
    for entry in clean["annotations"]:
        entry["bbox"] = [place.randrange(n) for n in (60, 50)] + [place.randrange(9, 40)] * 2
        entry["image_id"] %= 50
        entry.pop("segmentation", None)
    steps = (make_step("box-jitter", rate=1.0, r=1.0, classes=NAMES),)
    noisy, _ = corrupt(clean, NoiseSpec(steps=steps, seed=4))
    assert diff(clean, noisy, match="id").class_changes == []


def test_unusable_arguments():
    with pytest.raises(InputError, match=r"unknown way to match 'ids'\. Did you mean 'id'"):
        diff(BEFORE, BEFORE, match="ids")
    for least in (0, 1.5, float("nan")):
        with pytest.raises(InputError, match="least IoU must be above 0"):
            diff(BEFORE, BEFORE, match="iou", min_iou=least)


def test_files_without_annotations():
    found = diff(document(), document(), match="iou")
    assert (found.matched, found.rate, found.interval) == (0, None, None)
    assert found.matrix == [None] * 3


def test_ids_dealt_out_anew_in_one_image_of_many_are_refused():
    """One pair of a hundred: it lies exactly where the other of the pair was."""
    many = [square(10 + n, 0, NAMES[n % 3], 2 * (n % 40), 2 * (n // 40), 1) for n in range(100)]
    before = document(*many, square(1, 1, "cat", 0, 0), square(2, 1, "dog", 40, 0))
    after = copy.deepcopy(before)
    after["annotations"][-1]["id"], after["annotations"][-2]["id"] = 1, 2
    with pytest.raises(InputError, match="2 lie where one of another id was"):
        diff(before, after, match="id")
    assert diff(before, after, match="iou").class_changes == []
