import copy
import json
import random
from collections import Counter
from pathlib import Path

import pytest

from noisyseg.errors import InputError
from noisyseg.noise.annotations import read_annotations
from noisyseg.noise.corrupt import corrupt
from noisyseg.noise.spec import NoiseSpec, NoiseStep

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"
NAMES = ["cat", "dog", "cow", "hen"]
SYMMETRIC = NoiseStep(type="symmetric", rate=0.4)
ASYMMETRIC = NoiseStep(type="asymmetric", rate=0.4, pairs=(("cat", "dog"), ("cow", "cat")))


def spec(*steps, seed=1):
    return NoiseSpec(steps=steps, seed=seed)


@pytest.fixture
def document(make_document):
    return make_document(NAMES, per_class=250, crowds=40)


def categories_by_id(document):
    return {entry["id"]: entry["category_id"] for entry in document["annotations"]}


def plain_corrupt(document, noise, bits):
    """The definition, one annotation at a time in plain Python."""
    names = [category["name"] for category in document["categories"]]
    id_of = {category["name"]: category["id"] for category in document["categories"]}
    name_of = {category["id"]: category["name"] for category in document["categories"]}
    result = {}
    for entry in document["annotations"]:
        name = name_of[entry["category_id"]]
        for position, step in enumerate(noise.steps):
            earlier = [other.type for other in noise.steps[:position]]
            stream = f"{step.type}/{earlier.count(step.type)}"
            flips = bits(noise.seed, f"{stream}/flip", entry["id"]) // 2**11 < step.rate * 2**53
            if entry["iscrowd"] or not flips:
                continue
            if step.type == "symmetric":
                others = [other for other in names if other != name]
                word = bits(noise.seed, f"{stream}/target", entry["id"])
                name = others[(word // 2**32) * len(others) // 2**32]
            else:
                name = dict(step.pairs).get(name, name)
        result[entry["id"]] = id_of[name]
    return result


@pytest.mark.parametrize(
    "steps",
    [
        (SYMMETRIC,),
        (ASYMMETRIC,),
        (SYMMETRIC, SYMMETRIC),
        (ASYMMETRIC, SYMMETRIC),
        (SYMMETRIC, ASYMMETRIC),
    ],
)
def test_it_is_the_definition_applied_to_one_annotation_at_a_time(document, steps, plain_bits):
    noisy, _ = corrupt(document, spec(*steps, seed=5))
    assert categories_by_id(noisy) == plain_corrupt(document, spec(*steps, seed=5), plain_bits)


def test_a_step_added_in_front_changes_no_draw_of_the_others(document):
    # At rate 1 the first step gives every annotation to `cat`, so the second alone decides the end.
    to_cat = NoiseStep(type="asymmetric", rate=1.0, pairs=tuple((n, "cat") for n in NAMES[1:]))
    one_class = {
        **document,
        "annotations": [
            {**entry, "category_id": document["categories"][0]["id"]}
            for entry in document["annotations"]
        ],
    }
    alone = categories_by_id(corrupt(one_class, spec(SYMMETRIC))[0])
    assert categories_by_id(corrupt(one_class, spec(to_cat, SYMMETRIC))[0]) == alone


def test_order_and_absence_of_other_annotations_do_not_matter(document):
    whole = categories_by_id(corrupt(document, spec(SYMMETRIC, ASYMMETRIC))[0])
    shuffled = copy.deepcopy(document)
    random.Random(0).shuffle(shuffled["annotations"])
    assert categories_by_id(corrupt(shuffled, spec(SYMMETRIC, ASYMMETRIC))[0]) == whole
    shuffled["annotations"] = shuffled["annotations"][:300]
    part = categories_by_id(corrupt(shuffled, spec(SYMMETRIC, ASYMMETRIC))[0])
    assert len(part) == 300
    assert part.items() <= whole.items()


def test_only_category_ids_of_changed_annotations_change(document):
    before = copy.deepcopy(document)
    noisy, manifest = corrupt(document, spec(SYMMETRIC))
    assert document == before
    assert {**noisy, "annotations": None} == {**before, "annotations": None}
    changed = {number for number, _, _ in manifest["changes"]}
    for old, new in zip(before["annotations"], noisy["annotations"], strict=True):
        assert list(new) == list(old)
        assert {**new, "category_id": 0} == {**old, "category_id": 0}
        assert (new["category_id"] != old["category_id"]) == (old["id"] in changed)


def test_crowds_are_left_alone(document):
    noisy, manifest = corrupt(document, spec(NoiseStep(type="symmetric", rate=1.0)))
    for old, new in zip(document["annotations"], noisy["annotations"], strict=True):
        assert (new["category_id"] == old["category_id"]) == bool(old["iscrowd"])
    assert manifest["annotations"] == {"total": 1040, "crowd": 40, "changed": 1000}


def test_the_manifest_tells_what_a_comparison_of_the_files_tells(document):
    random.Random(0).shuffle(document["annotations"])
    noisy, manifest = corrupt(document, spec(SYMMETRIC, ASYMMETRIC))
    pairs = [
        (old["id"], old["category_id"], new["category_id"])
        for old, new in zip(document["annotations"], noisy["annotations"], strict=True)
        if not old["iscrowd"]
    ]
    differences = sorted([n, a, b] for n, a, b in pairs if a != b)
    assert manifest["changes"] == differences
    assert manifest["annotations"]["changed"] == len(differences)
    table = Counter((a, b) for _, a, b in pairs)
    ids = [category["id"] for category in document["categories"]]
    assert manifest["counts"] == [[table[a, b] for b in ids] for a in ids]
    assert manifest["classes"] == [
        {
            "id": category["id"],
            "name": category["name"],
            "clean": sum(a == category["id"] for _, a, _ in pairs),
            "noisy": sum(b == category["id"] for _, _, b in pairs),
            "changed": sum(a == category["id"] != b for _, a, b in pairs),
        }
        for category in document["categories"]
    ]


def test_asymmetric_rates_are_per_source_annotation(document):
    step = NoiseStep(type="asymmetric", rate=1.0, pairs=(("cat", "dog"),))
    _, manifest = corrupt(document, spec(step))
    (entry,) = manifest["steps"]
    assert entry["eligible"] == entry["flipped"] == 250
    assert entry["intended_rate"] == entry["rate_of_eligible"] == 1.0
    assert entry["rate_of_all"] == 0.25
    assert entry["per_class"] == {"eligible": [250, 0, 0, 0], "flipped": [250, 0, 0, 0]}


def test_a_second_step_works_on_what_the_first_left(document):
    there = NoiseStep(type="asymmetric", rate=1.0, pairs=(("cat", "dog"),))
    back = NoiseStep(type="asymmetric", rate=1.0, pairs=(("dog", "cat"),))
    _, manifest = corrupt(document, spec(there, back))
    assert manifest["steps"][1]["eligible"] == 500  # the dogs and the cats that became dogs
    assert manifest["counts"][:2] == [[250, 0, 0, 0], [250, 0, 0, 0]]
    assert manifest["annotations"]["changed"] == 250  # a cat that is a cat again is unchanged


def test_a_higher_rate_keeps_the_flips_of_a_lower_one(document):
    at = {
        rate: corrupt(document, spec(NoiseStep(type="symmetric", rate=rate)))[1]["changes"]
        for rate in (0.2, 0.4)
    }
    assert 0 < len(at[0.2]) < len(at[0.4])
    assert all(change in at[0.4] for change in at[0.2])


def test_rate_zero_and_other_seeds(document):
    clean, manifest = corrupt(document, spec(NoiseStep(type="symmetric", rate=0.0)))
    assert clean == document
    assert manifest["changes"] == []
    changes = [corrupt(document, spec(SYMMETRIC, seed=seed))[1]["changes"] for seed in range(3)]
    assert changes[0] != changes[1] != changes[2] != changes[0]


def test_ids_at_the_ends_of_the_range_and_below_zero(document):
    for entry, number in zip(
        document["annotations"], [-(2**63), -1, 0, 2**63, 2**64 - 2], strict=False
    ):
        entry["id"] = number
    _, manifest = corrupt(document, spec(NoiseStep(type="symmetric", rate=1.0)))
    changed = [number for number, _, _ in manifest["changes"]]
    assert changed[:3] == [-(2**63), -1, 0]
    assert changed[-2:] == [2**63, 2**64 - 2]
    json.dumps(manifest)  # plain numbers alone


def test_a_document_without_annotations(document):
    document["annotations"] = []
    noisy, manifest = corrupt(document, spec(SYMMETRIC))
    assert noisy == document
    assert manifest["steps"][0]["rate_of_eligible"] is None


def test_one_class_cannot_be_symmetric(make_document):
    with pytest.raises(InputError, match=r"at least two classes.*got 1"):
        corrupt(make_document(["cat"], per_class=3), spec(SYMMETRIC))


def test_a_map_must_fit_the_documents_categories(make_document):
    with pytest.raises(InputError, match=r"names 'cow', 'dog', but .* categories are cat, hen"):
        corrupt(make_document(["cat", "hen"], per_class=3), spec(ASYMMETRIC))


def test_real_coco_annotations_with_crowds_and_gaps():
    path = SHARED / "coco_sample" / "annotations" / "instances_train2017.json"
    if not path.exists():
        pytest.skip("real data absent: coco_sample")
    document = read_annotations(path)
    crowds = [entry for entry in document["annotations"] if entry["iscrowd"]]
    noisy, manifest = corrupt(document, spec(NoiseStep(type="symmetric", rate=1.0)))
    objects = len(document["annotations"]) - len(crowds)
    assert crowds
    assert manifest["annotations"]["changed"] == objects > 0
    assert {entry["category_id"] for entry in noisy["annotations"]} <= {
        category["id"] for category in document["categories"]
    }
