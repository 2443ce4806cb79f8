from collections import Counter

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from noisyseg.annotation_files import shape_kinds as shapes
from noisyseg.annotation_files.columns import columns_of
from noisyseg.annotation_files.findings import Level
from noisyseg.annotation_files.shapes import shape_findings

E, F, W = Level.ERROR, Level.FLAW, Level.WARNING
PIXELS = 200
GARBAGE = {"size": [10, 20], "counts": "@@@@zzz"}


def found(document, **options):
    return Counter((f.level, f.kind) for f in shape_findings(columns_of(document), **options))


def compressed(mask):
    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": list(mask.shape), "counts": encoded["counts"].decode()}


def test_a_file_in_order(made):
    assert found(made()) == {}


# The mask of [2, 2, 6, 5] as it may be written: down the columns, 22 zeros, 5 ones, 5 zeros, …
RUNS = [22, *([5, 5] * 5), 5, PIXELS - 22 - 55]


def test_run_lengths_of_either_kind_are_fine(made):
    mask = np.zeros((10, 20))
    mask[2:7, 2:8] = 1
    assert sum(RUNS) == PIXELS
    plain = {"size": [10, 20], "counts": RUNS}
    assert found(made(segmentation=plain)) == {}
    assert found(made(segmentation=compressed(mask))) == {}


@pytest.mark.parametrize(
    ("segmentation", "kind"),
    [
        ({"size": [20, 10], "counts": RUNS}, shapes.OTHER_SIZE),
        ({"size": [10, 21], "counts": [*RUNS, 0, 10]}, shapes.OTHER_SIZE),
        ({"size": [10], "counts": RUNS}, shapes.OTHER_SIZE),
        ({"size": ["10", "20"], "counts": RUNS}, shapes.OTHER_SIZE),
        ({"size": [10.0, 20.0], "counts": RUNS}, shapes.OTHER_SIZE),
        ({"size": [10, 20], "counts": [*RUNS, 300, 300]}, shapes.NOT_FILLED),
        ({"size": [10, 20], "counts": RUNS[:-1]}, shapes.NOT_FILLED),
        ({"size": [10, 20], "counts": [PIXELS + 5, -5]}, shapes.NOT_FILLED),
        ({"size": [10, 20], "counts": []}, shapes.NOT_FILLED),
        ({"size": [10, 20], "counts": ""}, shapes.NOT_FILLED),
        (GARBAGE, shapes.NOT_FILLED),
        ({"size": [10, 20], "counts": "31"}, shapes.NOT_FILLED),
        ({"size": [10, 20], "counts": [float(run) for run in RUNS]}, shapes.MALFORMED),
        ({"size": [10, 20], "counts": [str(run) for run in RUNS]}, shapes.MALFORMED),
        ({"size": [10, 20], "counts": None}, shapes.MALFORMED),
        ({"size": [10, 20]}, shapes.MALFORMED),
        ({"counts": RUNS}, shapes.MALFORMED),
        ("31", shapes.MALFORMED),
        (3, shapes.MALFORMED),
        ([[2, 2, 8, 2]], shapes.MALFORMED),
        ([[2, 2, 8, 2, 8]], shapes.MALFORMED),
        ([[2, 2, 8, 2, 8, "7"]], shapes.MALFORMED),
        ([[2, 2, 8, 2, 8, True]], shapes.MALFORMED),
        ([[2, 2, 8, 2, 8, None]], shapes.MALFORMED),
        ([[2, 2, 8, 2, 8, float("inf")]], shapes.MALFORMED),
        ([2, 2, 8, 2, 8, 7], shapes.MALFORMED),
        ([[2, 2, 8, 2, 8, 7], [1, 1]], shapes.MALFORMED),
        ([[]], shapes.MALFORMED),
        ([[[2, 2], [8, 2], [8, 7]]], shapes.MALFORMED),
        ([[2, 2, 1e9, 2, 8, 7]], shapes.FAR),
        ([[2, -1e300, 8, 2, 8, 7]], shapes.FAR),
        ([[2, 2, 8, 2, 201, 7]], shapes.FAR),
        ([], shapes.NO_MASK),
        ({}, shapes.NO_MASK),
        (None, shapes.NO_MASK),
    ],
)
def test_masks_that_are_refused(made, segmentation, kind):
    document = made(segmentation=segmentation)
    assert found(document) == {(E, kind): 1}
    (finding,) = shape_findings(columns_of(document))
    assert finding.where.startswith("annotation 7 of image 1 (a.png)")
    # Noise can do without masks, but not with damaged ones.
    without = {} if kind == shapes.NO_MASK else {(E, kind): 1}
    assert found(document, masks=False) == without


def test_every_damaged_one_is_named_among_sound_ones(made):
    document = made(segmentation=GARBAGE)
    twos = [{**document["annotations"][1], "id": 100 + n} for n in range(3)]
    document["annotations"] += [{**document["annotations"][0], "id": 50}, *twos]
    document["annotations"][0]["segmentation"] = [[1, 2]]
    named = [finding.where.split()[1] for finding in shape_findings(columns_of(document))]
    assert sorted(named) == ["100", "101", "102", "5", "7"]


def test_a_swapped_size_is_guessed(made):
    (finding,) = shape_findings(columns_of(made(segmentation={"size": [20, 10], "counts": RUNS})))
    assert "width, height in place of height, width?" in finding.where


def test_an_image_too_large_for_masks(made):
    document = made()
    document["images"][0].update(width=2**31, height=2**40)
    assert found(document) == {(E, shapes.TOO_LARGE): 3}


@pytest.mark.parametrize("area", [None, "30", True, float("nan"), float("inf"), [30]])
def test_areas_that_are_none(made, area):
    document = made(area=area)
    assert found(document) == {(E, shapes.NO_AREA): 1}
    assert found(document, masks=False) == {}
    del document["annotations"][1]["area"]
    assert found(document) == {(E, shapes.NO_AREA): 1}


def test_an_area_above_all_ranges_is_never_scored(made):
    assert (E, shapes.NO_RANGE) not in found(made(area=1e10))
    assert found(made(area=1.1e10))[E, shapes.NO_RANGE] == 1
    assert found(made(area=1e300))[E, shapes.NO_RANGE] == 1


def test_a_negative_area_is_in_no_area_range(made):
    assert found(made(area=-30)) == {(E, shapes.NEGATIVE_AREA): 1}
    assert found(made(area=-0.0))[E, shapes.NEGATIVE_AREA] == 0


@pytest.mark.parametrize(
    ("bbox", "level", "kind"),
    [
        ([2, 2, 0, 5], W, shapes.BOX_FLAT),
        ([2, 2, 6, -5], E, shapes.BOX_FLAT),
        ([-1.5, 2, 6, 5], F, shapes.BOX_OUT),
        ([2, 2, 19.5, 5], F, shapes.BOX_OUT),
        ([2, 2, 6, 9.5], F, shapes.BOX_OUT),
        ([500002, 4500002, 6, 5], E, shapes.BOX_FAR),
        ([2, 2, 1e300, 1e300], E, shapes.BOX_FAR),
        ([1.7e308, 1.7e308, 1.7e308, 1.7e308], E, shapes.BOX_FAR),
    ],
)
def test_boxes(made, bbox, level, kind):
    assert found(made(bbox=bbox))[level, kind] == 1


def test_rounding_may_put_a_pixel_outside(made):
    assert (
        found(made(bbox=[-1, -1, 22, 12], segmentation=[[-1, -1, 21, -1, 21, 11]], area=200)) == {}
    )


@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [10, 20], "counts": [PIXELS]},
        [[30, 2, 40, 2, 40, 7]],
        [[2, 2, 8, 2, 5, 2]],
        [[-9, -9, -3, -9, -3, -3]],
        [[2.2, 1, 2.3, 1, 2.3, 9, 2.2, 9]],
    ],
)
def test_a_mask_without_a_pixel(made, segmentation):
    assert found(made(segmentation=segmentation))[W, shapes.NO_PIXEL] == 1


def test_a_sliver_that_has_pixels_is_a_mask(made):
    sliver = [[2, 2.4, 8, 2.5, 2, 2.6]]  # 0.6 pixels by the shoelace formula
    drawn = coco_mask.merge(coco_mask.frPyObjects(sliver, 10, 20))
    assert coco_mask.area(drawn) > 0
    assert (W, shapes.NO_PIXEL) not in found(
        made(segmentation=sliver, bbox=[2, 2.4, 6, 0.2], area=1)
    )


def large(made, bbox, area):
    """An object of 80 x 60 pixels in an image of 400 x 300, with a box and an area."""
    outline = [[100, 150, 180, 150, 180, 210, 100, 210]]
    document = made(bbox=bbox, area=area, segmentation=outline)
    document["images"][0].update(width=400, height=300)
    return document


def box_misfit(document):
    findings = shape_findings(columns_of(document))
    return next(f.where for f in findings if f.kind == shapes.BOX_MISFIT)


def test_boxes_of_another_kind_are_seen(made):
    assert found(large(made, [100, 150, 80, 60], 4800)) == {}
    document = large(made, [100, 150, 180, 210], 4800)
    assert found(document)[W, shapes.BOX_MISFIT] == 1
    where = next(
        f.where for f in shape_findings(columns_of(document)) if f.kind == shapes.BOX_MISFIT
    )
    assert where.endswith("its mask's is [100.0, 150.0, 80.0, 60.0] (x1, y1, x2, y2?)")
    fractions = large(made, [0.25, 0.5, 0.2, 0.2], 4800)
    where = next(
        f.where for f in shape_findings(columns_of(fractions)) if f.kind == shapes.BOX_MISFIT
    )
    assert where.endswith("(fractions of the image?)")
    centres = large(made, [140, 180, 80, 60], 4800)
    assert found(centres)[W, shapes.BOX_MISFIT] == 1


@pytest.mark.parametrize(("area", "misfits"), [(4800, 0), (2500, 0), (120000, 1), (0.04, 1)])
def test_areas_of_another_kind_are_seen(made, area, misfits):
    assert found(large(made, [100, 150, 80, 60], area))[W, shapes.AREA_MISFIT] == misfits


def test_areas_of_several_parts_add_up_and_crowds_are_not_compared(made):
    parts = [[0, 0, 10, 0, 10, 10, 0, 10], [20, 20, 30, 20, 30, 30, 20, 30]]
    fields = {"segmentation": parts, "bbox": [0, 0, 30, 30]}
    document = made(area=200, **fields)
    document["images"][0].update(width=100, height=100)
    assert found(document) == {}
    document["annotations"][1]["area"] = 9000
    assert found(document) == {(W, shapes.AREA_MISFIT): 1}
    document["annotations"][1]["iscrowd"] = 1
    assert found(document) == {}


def test_of_thousands_the_rest_is_counted(made):
    document = made()
    faulty = {**document["annotations"][1], "segmentation": GARBAGE}
    document["annotations"] += [{**faulty, "id": 1000 + n} for n in range(20_000)]
    findings = list(shape_findings(columns_of(document)))
    assert {f.kind for f in findings} == {shapes.NOT_FILLED}
    assert sum(f.count for f in findings) == 20_000
    assert len(findings) < 400


def test_annotations_without_their_image_are_left_to_others(made):
    document = made(image_id=77, segmentation=GARBAGE)
    assert found(document) == {}
    assert found({**document, "annotations": []}) == {}
