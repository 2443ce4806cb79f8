import json

import numpy as np

from noisyseg.noise.manifest import build_manifest, encode_manifest, step_entry
from noisyseg.noise.spec import NoiseSpec, NoiseStep

STEP = NoiseStep(type="symmetric", rate=0.5)
CATEGORIES = [{"id": 4, "name": "cat"}, {"id": 2, "name": "dog"}, {"id": 9, "name": "cow"}]
# By hand: two cats (one turns dog), three dogs (one turns cow, one cat), no cow.
CLEAN = np.array([0, 1, 0, 1, 1])
NOISY = np.array([0, 2, 1, 1, 0])


def test_counts_of_a_hand_worked_example():
    spec = NoiseSpec(steps=(STEP,), seed=8)
    manifest = build_manifest(spec, CATEGORIES, CLEAN, NOISY)
    assert manifest["counts"] == [[1, 1, 0], [1, 1, 1], [0, 0, 0]]
    assert manifest["classes"] == [
        {"id": 4, "name": "cat", "clean": 2, "noisy": 2, "changed": 1},
        {"id": 2, "name": "dog", "clean": 3, "noisy": 2, "changed": 2},
        {"id": 9, "name": "cow", "clean": 0, "noisy": 1, "changed": 0},
    ]
    assert manifest["spec"] == spec.resolved()
    assert manifest["format"] == 1


def test_step_of_a_hand_worked_example():
    eligible = np.array([False, True, False, True, True])
    after = np.array([0, 2, 0, 1, 0])
    assert step_entry(STEP, CLEAN, after, eligible, 3) == {
        "type": "symmetric",
        "intended_rate": 0.5,
        "eligible": 3,
        "flipped": 2,
        "rate_of_eligible": 2 / 3,
        "rate_of_all": 2 / 5,
        "per_class": {"eligible": [0, 3, 0], "flipped": [0, 2, 0]},
    }


def test_a_rate_of_nothing_is_null_not_zero():
    nothing = np.array([], dtype=np.int64)
    entry = step_entry(STEP, nothing, nothing, nothing.astype(bool), 3)
    assert entry["rate_of_eligible"] is None
    assert entry["rate_of_all"] is None
    assert step_entry(STEP, CLEAN, CLEAN, np.zeros(5, dtype=bool), 3)["rate_of_all"] == 0


def test_bytes_are_json_whatever_the_order_of_keys():
    manifest = build_manifest(NoiseSpec(steps=(STEP,), seed=8), CATEGORIES, CLEAN, NOISY)
    data = encode_manifest(manifest)
    assert json.loads(data) == manifest
    assert data == encode_manifest(dict(reversed(manifest.items())))
    assert data.endswith(b"}\n")
