import json

import numpy as np
import pytest

from noisyseg.noise.categories import Categories
from noisyseg.noise.draws import StepDraws
from noisyseg.noise.manifest import (
    FORMAT_VERSION,
    build_manifest,
    class_changes,
    encode_manifest,
)
from noisyseg.noise.spec import NoiseSpec, make_step
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.types.registry import NOISE_TYPES

NAMES = ["cat", "dog", "cow"]
CATEGORIES = [{"id": 4, "name": "cat"}, {"id": 2, "name": "dog"}, {"id": 9, "name": "cow"}]
# By hand: two cats (91 turns dog), three dogs (92 turns cow, 95 cat), no cow, a crowd of cows.
TABLE = AnnotationTable(
    categories=Categories.of({"categories": CATEGORIES}),
    numbers=np.array([90, 92, 91, 94, 95, 1]),
    classes=np.array([0, 1, 0, 1, 1, 2]),
    crowds=np.array([False] * 5 + [True]),
)
AFTER = np.array([0, 2, 1, 1, 0, 2])


def spec(**parameters):
    step = make_step("symmetric", rate=0.5, classes=NAMES, **parameters)
    return NoiseSpec(steps=(step,), seed=8)


def test_counts_of_a_hand_worked_example():
    manifest = build_manifest(spec(), TABLE, AFTER, [{"type": "symmetric"}])
    assert manifest == {
        "format": FORMAT_VERSION,
        "spec": spec().resolved(),
        "annotations": {
            "clean": 6,
            "noisy": 6,
            "crowd": 1,
            "class_changed": 3,
            "geometry_changed": 0,
            "removed": 0,
            "added": 0,
        },
        "classes": [
            {"id": 4, "name": "cat", "clean": 2, "noisy": 2, "changed": 1},
            {"id": 2, "name": "dog", "clean": 3, "noisy": 2, "changed": 2},
            {"id": 9, "name": "cow", "clean": 0, "noisy": 1, "changed": 0},
        ],
        "counts": [[1, 1, 0], [1, 1, 1], [0, 0, 0]],
        "changes": {
            "classes": [[2, 4, [95]], [2, 9, [92]], [4, 2, [91]]],
            "geometry": [],
            "removed": [],
            "added": [],
        },
        "steps": [{"type": "symmetric"}],
    }


def test_crowds_count_where_a_step_may_touch_them():
    manifest = build_manifest(spec(crowds=True), TABLE, AFTER, [])
    assert manifest["counts"] == [[1, 1, 0], [1, 1, 1], [0, 0, 1]]
    assert manifest["classes"][2] == {"id": 9, "name": "cow", "clean": 1, "noisy": 2, "changed": 0}
    assert manifest["annotations"]["crowd"] == 1


def test_annotations_that_went_came_or_moved():
    # By hand: dog 92 is gone (so its flip does not count), two cows came, cat 90 moved.
    manifest = build_manifest(
        spec(),
        TABLE,
        AFTER,
        [],
        kept=np.array([True, False, True, True, True, True]),
        geometry=[(90, {"bbox": [1, 2, 3, 4]})],
        removed=[(1, {"id": 92, "category_id": 2})],
        added=[{"id": 96, "category_id": 9}, {"id": 97, "category_id": 9}],
    )
    assert manifest["annotations"] == {
        "clean": 6,
        "noisy": 7,
        "crowd": 1,
        "class_changed": 2,
        "geometry_changed": 1,
        "removed": 1,
        "added": 2,
    }
    assert manifest["counts"] == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert [(row["clean"], row["noisy"], row["changed"]) for row in manifest["classes"]] == [
        *((2, 2, 1), (3, 2, 1), (0, 2, 0))
    ]
    assert manifest["changes"] == {
        "classes": [[2, 4, [95]], [4, 2, [91]]],
        "geometry": [[90, {"bbox": [1, 2, 3, 4]}]],
        "removed": [[1, {"id": 92, "category_id": 2}]],
        "added": [96, 97],
    }


@pytest.mark.parametrize("size", [0, 1, 2, 500])
def test_changes_are_grouped_and_rise(size):
    random = np.random.default_rng(size)
    table = AnnotationTable(
        categories=TABLE.categories,
        numbers=random.permutation(10 * size)[:size] - 3 * size,
        classes=random.integers(3, size=size),
        crowds=np.zeros(size, dtype=bool),
    )
    after = random.integers(3, size=size)
    ids = [category["id"] for category in CATEGORIES]
    wanted = {}
    for number, old, new in zip(table.numbers.tolist(), table.classes, after, strict=True):
        if old != new:
            wanted.setdefault((ids[old], ids[new]), []).append(number)
    found = class_changes(table, after, table.classes != after)
    assert found == [[old, new, sorted(wanted[old, new])] for old, new in sorted(wanted)]


def test_a_step_of_a_hand_worked_example():
    # At rate 1 the map moves every cat and dog; the cow is a crowd.
    step = make_step("asymmetric", rate=1.0, map={"cat": "dog", "dog": "cow"}, classes=NAMES)
    outcome = NOISE_TYPES[step.type].family.outcome(
        step, TABLE, StepDraws(seed=1, kind="asymmetric")
    )
    assert outcome.classes.tolist() == [1, 2, 1, 2, 2, 2]
    # Wilson's interval of 5 in 5 is [5 / (5 + z²), 1].
    z2 = 1.959963984540054**2
    assert outcome.report.pop("rate_of_eligible_interval") == pytest.approx([5 / (5 + z2), 1.0])
    assert outcome.report == {
        "type": "asymmetric",
        "intended_rate": 1.0,
        "eligible": 5,
        "flipped": 5,
        "expected_flips": 5.0,
        "expected_matrix": [[0, 1, 0], [0, 0, 1], [0, 0, 1]],
        "rate_of_eligible": 1.0,
        "rate_of_all": 1.0,
        "per_class": {"eligible": [2, 3, 0], "flipped": [2, 3, 0]},
    }


def test_bytes_are_json_whatever_the_order_of_keys():
    manifest = build_manifest(spec(), TABLE, AFTER, [{"type": "symmetric"}])
    data = encode_manifest(manifest)
    assert json.loads(data) == manifest
    assert data == encode_manifest(dict(reversed(manifest.items())))
    assert data.endswith(b"}\n")


def test_it_is_compact_at_the_size_of_coco():
    n = 860_000
    random = np.random.default_rng(0)
    categories = [{"id": number, "name": f"c{number}"} for number in range(1, 81)]
    table = AnnotationTable(
        categories=Categories.of({"categories": categories}),
        numbers=random.permutation(2_200_000)[:n],
        classes=random.integers(80, size=n),
        crowds=np.zeros(n, dtype=bool),
    )
    after = np.where(random.random(n) < 0.4, random.integers(80, size=n), table.classes)
    changed = int((after != table.classes).sum())
    data = encode_manifest(build_manifest(spec(), table, after, []))
    # An id takes seven digits and a comma; a list of [id, old, new] would take more than 15 bytes.
    assert len(data) < 9 * changed
