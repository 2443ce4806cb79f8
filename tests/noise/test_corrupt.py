import copy
import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from noisyseg.annotation_files.document import read_annotations
from noisyseg.errors import InputError
from noisyseg.noise.corrupt import corrupt, steps_with_draws
from noisyseg.noise.manifest import encode_manifest
from noisyseg.noise.spec import NoiseSpec, make_step

COCO = Path(__file__).parents[1] / "data/coco_sample/annotations/instances_train2017.json"
NAMES = ["cat", "dog", "cow", "hen"]


def make(kind, **parameters):
    return make_step(kind, classes=NAMES, **parameters)


SYMMETRIC = make("symmetric", rate=0.4)
SCRIPTS = make("symmetric", rate=0.4, convention="lncis-code")
ASYMMETRIC = make("asymmetric", rate=0.4, map={"cat": "dog", "cow": "cat"})
MATRIX = make("matrix", matrix={n: {n: 0.5, "hen": 0.5} if n != "hen" else {n: 1} for n in NAMES})
SUPERCLASS = make("superclass-uniform", rate=0.4)


def spec(*steps, seed=1):
    return NoiseSpec(steps=steps, seed=seed)


@pytest.fixture
def document(make_document):
    made = make_document(NAMES, per_class=250, crowds=40)
    for category, superclass in zip(
        made["categories"], ("pet", "pet", "farm", "farm"), strict=True
    ):
        category["supercategory"] = superclass
    return made


def categories_by_id(document):
    return {entry["id"]: entry["category_id"] for entry in document["annotations"]}


def plain_corrupt(document, noise, bits):
    """The definition, one annotation at a time in plain Python."""
    names = [category["name"] for category in document["categories"]]
    by_id = sorted(document["categories"], key=lambda category: category["id"])
    id_of = {category["name"]: category["id"] for category in document["categories"]}
    name_of = {category["id"]: category["name"] for category in document["categories"]}
    superclass = {c["name"]: c["supercategory"] for c in document["categories"]}
    result = {}
    for entry in document["annotations"]:
        name = name_of[entry["category_id"]]
        for position, step in enumerate(noise.steps):
            earlier = [other.type for other in noise.steps[:position]]
            stream = f"{step.type}/{earlier.count(step.type)}"
            rate = 0.5 if step is MATRIX else step.parameters["rate"]
            flips = bits(noise.seed, f"{stream}/flip", entry["id"]) // 2**11 < rate * 2**53
            if not flips or (entry["iscrowd"] and not step.parameters["crowds"]):
                continue
            others = [other for other in names if other != name]
            if step is MATRIX:
                others = ["hen"]
            elif step is SCRIPTS:
                others = [category["name"] for category in by_id][:-1]
            elif step.type == "asymmetric":
                others = [step.parameters["map"].get(name, name)]
            elif step is SUPERCLASS:
                others = [other for other in others if superclass[other] == superclass[name]]
            word = bits(noise.seed, f"{stream}/target", entry["id"])
            name = others[(word // 2**32) * len(others) // 2**32]
        result[entry["id"]] = id_of[name]
    return result


@pytest.mark.parametrize(
    "steps",
    [
        (SYMMETRIC,),
        (SCRIPTS,),
        (ASYMMETRIC,),
        (MATRIX,),
        (SUPERCLASS,),
        (SYMMETRIC, SYMMETRIC),
        (ASYMMETRIC, SYMMETRIC),
        (SYMMETRIC, ASYMMETRIC),
        (SUPERCLASS, SCRIPTS, MATRIX, SYMMETRIC),
    ],
)
def test_it_is_the_definition_applied_to_one_annotation_at_a_time(document, steps, plain_bits):
    noisy, _ = corrupt(document, spec(*steps, seed=5))
    assert categories_by_id(noisy) == plain_corrupt(document, spec(*steps, seed=5), plain_bits)


def test_a_step_added_anywhere_changes_no_draw_of_the_others():
    steps = [ASYMMETRIC, SYMMETRIC, SUPERCLASS, SYMMETRIC]
    before = [draws for _, draws in steps_with_draws(spec(*steps))]
    assert len(set(before)) == len(steps)
    for place in range(len(steps) + 1):
        longer = [*steps[:place], MATRIX, *steps[place:]]
        after = [draws for _, draws in steps_with_draws(spec(*longer))]
        assert after[:place] + after[place + 1 :] == before
    same_type = [draws for _, draws in steps_with_draws(spec(*steps, SYMMETRIC))]
    assert same_type[:-1] == before


def test_a_step_added_behind_or_between_works_on_the_same_flips(document):
    alone = categories_by_id(corrupt(document, spec(SYMMETRIC))[0])
    nothing = make("superclass-pairs", rate=0.0)
    for steps in ((nothing, SYMMETRIC), (SYMMETRIC, nothing), (nothing, SYMMETRIC, nothing)):
        assert categories_by_id(corrupt(document, spec(*steps))[0]) == alone


def test_a_step_added_in_front_changes_no_draw_of_the_others(document):
    # At rate 1 the first step gives every annotation to `cat`, so the second alone decides the end.
    to_cat = make("asymmetric", rate=1.0, map=dict.fromkeys(NAMES[1:], "cat"))
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
    changed = {number for _, _, numbers in manifest["changes"]["classes"] for number in numbers}
    for old, new in zip(before["annotations"], noisy["annotations"], strict=True):
        assert list(new) == list(old)
        assert {**new, "category_id": 0} == {**old, "category_id": 0}
        assert (new["category_id"] != old["category_id"]) == (old["id"] in changed)


def test_crowds_are_left_alone(document):
    noisy, manifest = corrupt(document, spec(make("symmetric", rate=1.0)))
    for old, new in zip(document["annotations"], noisy["annotations"], strict=True):
        assert (new["category_id"] == old["category_id"]) == bool(old["iscrowd"])
    assert manifest["annotations"] == {
        "clean": 1040,
        "noisy": 1040,
        "crowd": 40,
        "class_changed": 1000,
        "geometry_changed": 0,
        "removed": 0,
        "added": 0,
    }


def test_the_scripts_change_crowds_too(document):
    noisy, manifest = corrupt(document, spec(SCRIPTS))
    changed = [
        old["id"]
        for old, new in zip(document["annotations"], noisy["annotations"], strict=True)
        if old["iscrowd"] and old["category_id"] != new["category_id"]
    ]
    assert changed
    assert sum(map(sum, manifest["counts"])) == 1040
    assert sum(entry["clean"] for entry in manifest["classes"]) == 1040


def test_the_manifest_tells_what_a_comparison_of_the_files_tells(document):
    random.Random(0).shuffle(document["annotations"])
    noisy, manifest = corrupt(document, spec(SYMMETRIC, ASYMMETRIC))
    pairs = [
        (old["id"], old["category_id"], new["category_id"])
        for old, new in zip(document["annotations"], noisy["annotations"], strict=True)
        if not old["iscrowd"]
    ]
    groups = {}
    for number, a, b in sorted(pairs):
        if a != b:
            groups.setdefault((a, b), []).append(number)
    assert manifest["changes"]["classes"] == [[a, b, groups[a, b]] for a, b in sorted(groups)]
    assert manifest["annotations"]["class_changed"] == sum(map(len, groups.values()))
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


def test_the_manifest_is_the_same_to_the_byte_in_any_order(document):
    noise = spec(SYMMETRIC, SUPERCLASS, MATRIX)
    whole = encode_manifest(corrupt(document, noise)[1])
    for seed in range(3):
        random.Random(seed).shuffle(document["annotations"])
        assert encode_manifest(corrupt(document, noise)[1]) == whole


def test_asymmetric_rates_are_per_source_annotation(document):
    step = make("asymmetric", rate=1.0, map={"cat": "dog"})
    _, manifest = corrupt(document, spec(step))
    (entry,) = manifest["steps"]
    assert entry["eligible"] == entry["flipped"] == 250
    assert entry["intended_rate"] == entry["rate_of_eligible"] == 1.0
    assert entry["rate_of_all"] == 0.25
    assert entry["per_class"] == {"eligible": [250, 0, 0, 0], "flipped": [250, 0, 0, 0]}


def test_a_second_step_works_on_what_the_first_left(document):
    there = make("asymmetric", rate=1.0, map={"cat": "dog"})
    back = make("asymmetric", rate=1.0, map={"dog": "cat"})
    _, manifest = corrupt(document, spec(there, back))
    assert manifest["steps"][1]["eligible"] == 500  # the dogs and the cats that became dogs
    assert manifest["counts"][:2] == [[250, 0, 0, 0], [250, 0, 0, 0]]
    assert manifest["annotations"]["class_changed"] == 250  # a cat that is a cat again is unchanged


def changes(document, *steps, seed=1):
    """The changes as (annotation id, old, new)."""
    _, manifest = corrupt(document, spec(*steps, seed=seed))
    return {
        (number, old, new)
        for old, new, numbers in manifest["changes"]["classes"]
        for number in numbers
    }


def test_a_higher_rate_keeps_the_flips_of_a_lower_one(document):
    at = {rate: changes(document, make("symmetric", rate=rate)) for rate in (0.2, 0.4)}
    assert 0 < len(at[0.2]) < len(at[0.4])
    assert at[0.2] <= at[0.4]


def test_rate_zero_and_other_seeds(document):
    clean, manifest = corrupt(document, spec(make("symmetric", rate=0.0)))
    assert clean == document
    assert manifest["changes"] == {"classes": [], "geometry": [], "removed": [], "added": []}
    drawn = [changes(document, SYMMETRIC, seed=seed) for seed in range(3)]
    assert drawn[0] != drawn[1] != drawn[2] != drawn[0]


def test_ids_at_the_ends_of_the_range_and_below_zero(document):
    ends = [-(2**63), -1, 0, 2**63 - 1]
    for entry, number in zip(document["annotations"], ends, strict=False):
        entry["id"] = number
    noisy, manifest = corrupt(document, spec(make("symmetric", rate=1.0)))
    changed = [n for _, _, numbers in manifest["changes"]["classes"] for n in numbers]
    assert set(ends) <= set(changed)
    assert [entry["id"] for entry in noisy["annotations"][:4]] == ends
    json.dumps(manifest)  # plain numbers alone
    for bad in (2**63, -(2**63) - 1):
        document["annotations"][0]["id"] = bad
        with pytest.raises(InputError, match=f"annotation id must be in .* got {bad}: renumber"):
            corrupt(document, spec(SYMMETRIC))


def test_every_step_says_the_matrix_that_it_leads_to_expect(document):
    symmetric = 0.4 / 3 * np.ones((4, 4)) + (0.6 - 0.4 / 3) * np.eye(4)
    to_hen = 0.5 * np.eye(4)
    to_hen[:, 3] += 0.5
    _, manifest = corrupt(document, spec(SYMMETRIC, MATRIX))
    found = [step["expected_matrix"] for step in manifest["steps"]]
    assert np.allclose(found, [symmetric, to_hen], rtol=0, atol=1e-12)


def test_scores_have_no_expected_matrix(document, tmp_path):
    ids = [entry["id"] for entry in document["annotations"]]
    np.savez(
        tmp_path / "s.npz",
        ids=np.array(ids),
        scores=np.ones((len(ids), 4)),
        classes=np.array(NAMES),
    )
    step = make("instance-dependent", rate=0.4, scores=str(tmp_path / "s.npz"))
    _, manifest = corrupt(document, spec(SYMMETRIC, step))
    report = manifest["steps"][1]
    assert report["expected_matrix"] is None
    assert abs(report["flipped"] - report["expected_flips"]) < 4 * (1000 * 0.24) ** 0.5


def test_the_pairs_drawn_are_in_the_manifest(document):
    _, manifest = corrupt(document, spec(make("superclass-pairs", rate=0.5)))
    assert manifest["steps"][0]["detail"] == {
        "pairs": {"farm": ["cow", "hen"], "pet": ["cat", "dog"]}
    }


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
    document = read_annotations(COCO)
    crowds = [entry for entry in document["annotations"] if entry["iscrowd"]]
    noisy, manifest = corrupt(document, spec(make("symmetric", rate=1.0)))
    objects = len(document["annotations"]) - len(crowds)
    assert crowds
    assert manifest["annotations"]["class_changed"] == objects > 0
    assert {entry["category_id"] for entry in noisy["annotations"]} <= {
        category["id"] for category in document["categories"]
    }
