import copy
import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from noisyseg.annotation_files.document import encode_annotations, read_annotations
from noisyseg.errors import InputError
from noisyseg.mask_overlap import run_lengths
from noisyseg.noise.corrupt import corrupt
from noisyseg.noise.manifest import encode_manifest
from noisyseg.noise.spec import NoiseSpec, make_step

ROOT = Path(__file__).parents[3]
REAL = {
    "coco": ROOT / "tests/data/coco_sample/annotations/instances_val2017.json",
    "boards": ROOT / "bench/datasets/shipped/boards/annotations/train.json",
}
NAMES = ["cat", "dog", "cow"]
STEPS = {
    "scale": {"rate": 0.5, "kernel": 5},
    "boundary": {"rate": 0.5, "sigma": 3.0},
    "approximation": {"rate": 0.5, "tolerance": 4.0},
    "box-jitter": {"rate": 0.5, "r": 0.2},
    "missing": {"rate": 0.3},
    "bogus": {"rate": 0.4},
    "symmetric": {"rate": 0.4},
}
GEOMETRY = ["scale", "boundary", "approximation", "box-jitter"]


def spec(*kinds, seed=1, **changes):
    steps = tuple(make_step(k, classes=NAMES, **{**STEPS[k], **changes}) for k in kinds)
    return NoiseSpec(steps=steps, seed=seed)


def make_geometry(number, annotations, crowds=0, seed=0):
    """Star polygons of one or two parts, masks with holes, crowds; every seventh has no mask."""
    draw = np.random.default_rng(seed)
    height, width = 90, 120
    found = []
    for n in range(annotations + crowds):
        entry = {"id": 11 * n + 5, "image_id": n % number, "category_id": 2 * (n % 3) + 1}
        centre = draw.random(2) * (width, height)
        corners = int(draw.integers(5, 20))
        angles = np.sort(draw.random(corners)) * 2 * np.pi
        radii = draw.uniform(4, 40, corners)
        star = centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
        flat = np.round(np.clip(star, 0, (width, height)), 2).ravel().tolist()
        parts = [flat, [5.0, 5.0, 25.5, 5.0, 25.5, 19.0, 5.0, 19.0]][: 1 + n % 2]
        mask = coco_mask.merge(coco_mask.frPyObjects(parts, height, width))
        if n >= annotations or n % 5 == 3:
            raster = coco_mask.decode(mask) & (draw.random((height, width)) < 0.98)
            mask = coco_mask.encode(np.asfortranarray(raster.astype(np.uint8)))
            parts = {"size": [height, width], "counts": mask["counts"].decode()}
        entry["bbox"] = coco_mask.toBbox(mask).tolist()
        if n % 7:
            entry |= {"segmentation": parts, "area": float(coco_mask.area(mask))}
        found.append({**entry, "iscrowd": int(n >= annotations)})
    return {
        "images": [
            {"id": n, "file_name": f"{n}.jpg", "height": height, "width": width}
            for n in range(number)
        ],
        "annotations": found,
        "categories": [{"id": 2 * n + 1, "name": name} for n, name in enumerate(NAMES)],
    }


@pytest.fixture(scope="module")
def document():
    return make_geometry(9, annotations=130, crowds=10)


def by_id(document):
    return {entry["id"]: entry for entry in document["annotations"]}


def changed_pairs(document, noisy):
    old = by_id(document)
    return [(old[e["id"]], e) for e in noisy["annotations"] if e != old[e["id"]]]


def inverted(noisy, manifest):
    """The clean document by the manifest's own description of its `changes`."""
    changes = json.loads(encode_manifest(manifest))["changes"]
    entries = [dict(e) for e in noisy["annotations"] if e["id"] not in set(changes["added"])]
    named = {entry["id"]: entry for entry in entries}
    for number, fields in changes["geometry"]:
        named[number].update(fields)
    for old, _, numbers in changes["classes"]:
        for number in numbers:
            named[number]["category_id"] = old
    for place, entry in changes["removed"]:
        entries.insert(place, entry)
    return {**noisy, "annotations": entries}


@pytest.mark.parametrize("kind", GEOMETRY)
def test_masks_boxes_and_areas_stay_consistent_and_inside(document, kind):
    noisy, manifest = corrupt(document, spec(kind))
    pairs = changed_pairs(document, noisy)
    assert len(pairs) > 20
    for old, new in pairs:
        assert list(new) == list(old)
        assert {k for k in new if new[k] != old[k]} <= {"segmentation", "bbox", "area"}
        assert not old["iscrowd"]
        left, top, width, height = new["bbox"]
        assert min(left, top) >= 0
        assert left + width <= 120 + 1e-9
        assert top + height <= 90 + 1e-9
        if "segmentation" in new:
            mask = run_lengths(new, 90, 120)
            assert new["area"] == coco_mask.area(mask) > 0
            assert new["bbox"] == coco_mask.toBbox(mask).tolist()
            kept_format = type(old["segmentation"]) if kind != "scale" else dict
            assert type(new["segmentation"]) is kept_format
    json.dumps(noisy)
    assert manifest["steps"][0]["changed"] == len(pairs)


@pytest.mark.parametrize("kind", GEOMETRY)
def test_the_report_counts_what_happened(document, kind, plain_bits):
    noisy, manifest = corrupt(document, spec(kind, seed=6))
    (report,) = manifest["steps"]
    touched = [entry for entry in document["annotations"] if not entry["iscrowd"]]
    eligible = [e for e in touched if kind == "box-jitter" or "segmentation" in e]
    drawn = {e["id"] for e in eligible if plain_bits(6, f"{kind}/0/flip", e["id"]) < 2**63}
    pairs = changed_pairs(document, noisy)
    assert {old["id"] for old, _ in pairs} <= drawn
    assert report["intended_rate"] == 0.5
    assert report["eligible"] == len(eligible)
    assert report["drawn"] == len(drawn)
    assert report["changed"] == len(pairs)
    assert len(pairs) + report["vanished"] <= len(drawn)
    assert report["rate_of_eligible"] == len(pairs) / len(eligible)
    low, high = report["rate_of_eligible_interval"]
    assert low < len(pairs) / len(eligible) < high
    assert report["rate_of_all"] == len(pairs) / len(touched)
    ids = [category["id"] for category in document["categories"]]
    for key, group in (("eligible", eligible), ("changed", [old for old, _ in pairs])):
        classes = [entry["category_id"] for entry in group]
        assert report["per_class"][key] == [classes.count(number) for number in ids]
    if kind != "box-jitter":
        rasters = [
            [coco_mask.decode(run_lengths(e, 90, 120)).astype(bool) for e in pair] for pair in pairs
        ]
        overlaps = [(one & other).sum() / (one | other).sum() for one, other in rasters]
        assert report["mean_iou"] == pytest.approx(np.mean(overlaps))


@pytest.mark.parametrize("kind", GEOMETRY)
@pytest.mark.parametrize("only", ["segmentation", "bbox", "area"])
def test_one_field_alone(document, kind, only):
    noisy, _ = corrupt(document, spec(kind, only=only))
    pairs = changed_pairs(document, noisy)
    assert len(pairs) > 10
    for old, new in pairs:
        assert {**new, only: None} == {**old, only: None}
    together = by_id(corrupt(document, spec(kind))[0])
    if (kind, only) != ("box-jitter", "bbox"):  # there the mask stays: the box is as drawn
        assert all(new[only] == together[new["id"]][only] for _, new in pairs)


def test_an_area_without_a_mask_grows_with_its_box(document):
    bare = copy.deepcopy(document)
    for entry in bare["annotations"]:
        entry.pop("segmentation", None)
        entry["area"] = entry["bbox"][2] * entry["bbox"][3]
    for _, new in changed_pairs(bare, corrupt(bare, spec("box-jitter"))[0]):
        assert new["area"] == pytest.approx(new["bbox"][2] * new["bbox"][3], abs=0.02)


@pytest.mark.parametrize("kind", GEOMETRY)
def test_crowds_change_only_if_asked_to(document, kind):
    noisy, manifest = corrupt(document, spec(kind, rate=1.0, crowds=True))
    crowds = [new for old, new in changed_pairs(document, noisy) if old["iscrowd"]]
    assert crowds
    assert all(isinstance(new.get("segmentation", {}), dict) for new in crowds)
    assert (
        manifest["steps"][0]["eligible"] > sum(not e["iscrowd"] for e in noisy["annotations"]) / 2
    )


@pytest.mark.parametrize("kind", GEOMETRY)
def test_a_higher_rate_changes_the_same_ones_in_the_same_way(document, kind):
    low, high = (corrupt(document, spec(kind, rate=rate))[0] for rate in (0.2, 0.4))
    few, many = ({e["id"]: e for _, e in changed_pairs(document, noisy)} for noisy in (low, high))
    assert 0 < len(few) < len(many)
    assert few.items() <= many.items()


def test_neither_order_nor_others_matter(document):
    every = spec(*GEOMETRY)
    whole, manifest = corrupt(document, every)
    shuffled = copy.deepcopy(document)
    random.Random(0).shuffle(shuffled["annotations"])
    again, same = corrupt(shuffled, every)
    assert by_id(again) == by_id(whole)
    assert same["steps"] == manifest["steps"]
    shuffled["annotations"] = shuffled["annotations"][:40]
    assert by_id(corrupt(shuffled, every)[0]).items() <= by_id(whole).items()


def test_processes_do_not_matter():
    # Eight parts of 256 annotations for eight processes.
    large = make_geometry(9, annotations=2000)
    every = spec("scale", rate=1.0)
    results = [corrupt(large, every, workers=workers) for workers in (1, 2, 8)]
    files = {(encode_annotations(noisy), encode_manifest(m)) for noisy, m in results}
    assert len(files) == 1


def test_an_error_in_another_process_arrives():
    large = make_geometry(9, annotations=700)
    large["annotations"][-1]["segmentation"] = [[1, 2, 3]]
    for workers in (1, 2):
        with pytest.raises(InputError, match=f"annotation {large['annotations'][-1]['id']}"):
            corrupt(large, spec("boundary", rate=1.0), workers=workers)


def test_the_input_is_left_alone_and_rate_zero_is_clean(document):
    before = copy.deepcopy(document)
    corrupt(document, spec(*GEOMETRY, "missing", "bogus"))
    assert document == before
    noisy, manifest = corrupt(document, spec(*GEOMETRY, rate=0.0))
    assert noisy == document
    assert manifest["changes"]["geometry"] == []
    assert manifest["steps"][0]["mean_iou"] is None


@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [90, 120], "counts": [90 * 120]},
        [[5.0, 5.0, 5.0, 5.0, 5.0, 5.0]],
        [[300.0, 5.0, 310.0, 5.0, 310.0, 15.0]],
    ],
)
@pytest.mark.parametrize("kind", GEOMETRY)
def test_a_mask_without_a_pixel_is_kept_and_counted(document, kind, segmentation):
    entry = {**document["annotations"][1], "segmentation": segmentation}
    alone = {**document, "annotations": [entry]}
    noisy, manifest = corrupt(alone, spec(kind, rate=1.0))
    assert noisy == alone
    assert manifest["steps"][0]["vanished"] == 1


@given(
    kinds=st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=5),
    seed=st.integers(0, 2**64 - 1),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_manifest_holds_what_gives_the_clean_document_back(kinds, seed, order):
    clean = make_geometry(3, annotations=15, crowds=2, seed=seed % 5)
    order.shuffle(clean["annotations"])
    noisy, manifest = corrupt(clean, spec(*kinds, seed=seed))
    assert inverted(noisy, manifest) == clean
    new = [entry["id"] for entry in noisy["annotations"]]
    assert len(set(new)) == len(new)
    assert [e["id"] for e in noisy["annotations"] if e["id"] not in by_id(clean)] == manifest[
        "changes"
    ]["added"]


def test_class_noise_after_bogus_reaches_the_added_ones(document):
    mixed = spec("symmetric", "scale", "missing", "bogus")
    _, plain = corrupt(document, mixed)
    noisy, manifest = corrupt(
        document, NoiseSpec(steps=(*mixed.steps, *spec("symmetric", rate=1.0).steps), seed=1)
    )
    before = by_id(corrupt(document, mixed)[0])
    new = [e for e in noisy["annotations"] if e["id"] in set(manifest["changes"]["added"])]
    assert manifest["changes"]["added"] == plain["changes"]["added"] != []
    assert all(entry["category_id"] != before[entry["id"]]["category_id"] for entry in new)
    totals = [entry["noisy"] for entry in manifest["classes"]]
    objects = [e for e in noisy["annotations"] if not e["iscrowd"]]
    assert sum(totals) == len(objects)
    assert inverted(noisy, manifest) == document


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("kind", [*GEOMETRY, "missing", "bogus"])
def test_real_annotations(name, kind):
    clean = read_annotations(REAL[name])
    sizes = {image["id"]: (image["height"], image["width"]) for image in clean["images"]}
    old = by_id(clean)
    crowds = {} if kind == "bogus" else {"crowds": True}
    noisy, manifest = corrupt(clean, spec(kind, **crowds))
    assert inverted(noisy, manifest) == clean
    others = [e for e in noisy["annotations"] if e is not old.get(e["id"])]
    assert bool(others) == (kind != "missing")
    for entry in others:
        mask = run_lengths(entry, *sizes[entry["image_id"]])
        assert entry["area"] == coco_mask.area(mask) > 0
        assert entry["bbox"] == coco_mask.toBbox(mask).tolist()
