import contextlib
import errno
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisyseg.annotation_files.document import encode_annotations, read_annotations
from noisyseg.errors import InputError
from noisyseg.noise.corrupt import corrupt
from noisyseg.noise.files.noisy_files import NoisyFiles, noisy_content, write_pair
from noisyseg.noise.manifest import encode_manifest
from noisyseg.noise.operations import apply, invert, make, manifest_path, read_manifest, verify
from noisyseg.noise.spec import NoiseSpec, make_step, parse_steps
from noisyseg.noise.types.parameters import Place
from noisyseg.noise.types.registry import NOISE_TYPES

ROOT = Path(__file__).parents[2]
NAMES = ["cat", "dog", "cow"]
STEPS = {
    "symmetric": [{"type": "symmetric", "rate": 0.4}],
    "every one": [{"type": "symmetric", "rate": 1.0}],
    "nothing": [{"type": "symmetric", "rate": 0.0}],
    "two steps": [
        {"type": "asymmetric", "rate": 0.5, "map": {"cat": "dog", "dog": "cow"}},
        {"type": "symmetric", "rate": 0.3, "crowds": True},
    ],
    "matrix": [{"type": "matrix", "matrix": {n: dict.fromkeys(NAMES, 1 / 3) for n in NAMES}}],
    "scripts": [{"type": "symmetric", "rate": 0.4, "convention": "lncis-code"}],
}
MORE_STEPS = {
    "scale": [{"type": "scale", "preset": "hard"}],
    "boundary": [{"type": "boundary", "preset": "hard"}],
    "approximation": [{"type": "approximation", "preset": "hard"}],
    "box-jitter": [{"type": "box-jitter", "r": 0.3, "rate": 0.5}],
    "missing": [{"type": "missing", "rate": 0.3}],
    "bogus": [{"type": "bogus", "rate": 0.3}],
    "missing and symmetric": [{"type": "missing", "rate": 0.3}, *STEPS["symmetric"]],
    "symmetric, bogus and symmetric": [
        *STEPS["symmetric"],
        {"type": "bogus", "rate": 0.3},
        *STEPS["symmetric"],
    ],
    "scale, missing and bogus": [
        {"type": "scale", "preset": "hard"},
        {"type": "missing", "rate": 0.3},
        {"type": "bogus", "rate": 0.3},
    ],
}


STEPS_THAT_REMOVE = [
    {"type": "scale", "rate": 0.5, "kernel": 3},
    {"type": "missing", "rate": 0.2},
]


def spec_of(steps, seed=1):
    return NoiseSpec(steps=parse_steps(steps, NAMES, "here"), seed=seed)


SPEC = spec_of(STEPS["symmetric"])


def polygons(count):
    return [
        {
            "segmentation": [[8, 8, 90, 9.5, 88, 50 + n % 13, 40, 55.25, 9, 50]],
            "area": 3000.5,
            "iscrowd": 0,
            "image_id": n % 5,
            "bbox": [8, 8, 82, 47 + n % 13],
            "category_id": [4, 90, 11][n % 3],
            "id": 1000 + 7 * n,
        }
        for n in range(count)
    ]


def document(count=120):
    mask = {"counts": [0, 6000], "size": [60, 100]}
    crowd = {**polygons(1)[0], "id": 5, "iscrowd": 1, "segmentation": mask}
    return {
        "info": {"description": "made for a test"},
        "images": [
            {"id": n, "file_name": f"{n}.jpg", "width": 100, "height": 60} for n in range(5)
        ],
        "annotations": [*polygons(count), crowd],
        "categories": [
            {"id": number, "name": name} for number, name in zip((4, 90, 11), NAMES, strict=True)
        ],
    }


@pytest.fixture
def clean(tmp_path):
    path = tmp_path / "clean.json"
    path.write_text(json.dumps(document()), encoding="utf-8")
    return path


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out" / "noisy.json"


def slow_layout(path):
    """Give the file a second `category_id`, so that its digits cannot be proven."""
    made = json.loads(path.read_bytes())
    made["info"]["category_id"] = 0
    path.write_text(json.dumps(made, indent=1), encoding="utf-8")


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("noisy", "beside"),
    [
        ("a/x.json", "a/x.manifest.json"),
        ("x.y.json", "x.y.manifest.json"),
        ("annotations", "annotations.manifest.json"),
    ],
)
def test_the_manifest_is_beside_the_file(noisy, beside):
    assert manifest_path(Path(noisy)) == Path(beside)


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize(
    "steps", [*STEPS.values(), *MORE_STEPS.values()], ids=[*STEPS, *MORE_STEPS]
)
def test_there_and_back(steps, slow, clean, out, tmp_path):
    spec = spec_of(steps)
    if slow:
        slow_layout(clean)
    before = clean.read_bytes()
    manifest = make(clean, out, spec)
    assert listing(out.parent) == ["noisy.json", "noisy.manifest.json"]
    assert manifest_path(out).read_bytes() == encode_manifest(manifest)
    assert read_manifest(manifest_path(out)) == json.loads(json.dumps(manifest))
    assert (manifest["clean_sha256"], manifest["noisy_sha256"]) == (sha256(clean), sha256(out))
    expected, _ = corrupt(json.loads(before), spec)
    assert json.loads(out.read_bytes()) == expected
    assert verify(out, clean) == []

    apply(clean, manifest_path(out), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == out.read_bytes()

    invert(out, manifest_path(out), tmp_path / "back.json")
    back = (tmp_path / "back.json").read_bytes()
    assert json.loads(back) == json.loads(before)
    unchanged = out.read_bytes() == before
    by_digits = NOISE_TYPES[steps[0]["type"]].family.name == "class" and len(steps) < 3 and not slow
    by_digits = by_digits and all(NOISE_TYPES[s["type"]].family.name == "class" for s in steps)
    assert (manifest["writer"] == "digits") == (by_digits or unchanged)
    if by_digits or unchanged:
        assert back == before
    assert clean.read_bytes() == before


@pytest.mark.parametrize("steps", MORE_STEPS.values(), ids=MORE_STEPS)
def test_processes_do_not_matter(steps, clean, tmp_path):
    spec = spec_of(steps)
    outs = [tmp_path / f"{workers}.json" for workers in (1, 2, 8)]
    for workers, path in zip((1, 2, 8), outs, strict=True):
        make(clean, path, spec, workers=workers)
        assert path.read_bytes() == outs[0].read_bytes()
        assert manifest_path(path).read_bytes() == manifest_path(outs[0]).read_bytes()
    assert verify(outs[0], clean, workers=2) == []


def squares(count, **fields):
    """A document of squares whose numbers are integers; two dilations make a box that is one."""
    made = document(0)
    square = {"segmentation": [[20, 20, 40, 20, 40, 40, 20, 40]], "bbox": [20, 20, 20, 20]}
    made["annotations"] = [
        {"id": n, "image_id": 0, "category_id": 4, **square, "area": 400, **fields}
        for n in range(1, count + 1)
    ]
    return made


@pytest.mark.parametrize("seed", range(4))
def test_integers_that_two_steps_bring_back_as_fractions(seed, tmp_path):
    clean, out = tmp_path / "clean.json", tmp_path / "noisy.json"
    clean.write_text(json.dumps(squares(8)), encoding="utf-8")
    scale = {"type": "scale", "rate": 1.0, "kernel": 3}
    manifest = make(clean, out, spec_of([scale, scale], seed))
    noisy = {entry["id"]: entry for entry in json.loads(out.read_bytes())["annotations"]}
    # A square that grew and shrank has the area 400 again, written 400.0.
    back = [number for number, entry in noisy.items() if entry["area"] == 400]
    stated = dict(manifest["changes"]["geometry"])
    assert [type(noisy[number]["area"]) for number in back] == [float] * len(back)
    assert all(type(stated[number]["area"]) is int for number in back)
    assert verify(out, clean) == []
    apply(clean, manifest_path(out), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == out.read_bytes()
    invert(out, manifest_path(out), tmp_path / "back.json")
    assert (tmp_path / "back.json").read_bytes() == encode_annotations(squares(8))


def test_steps_that_undo_each_other_leave_the_clean_bytes(tmp_path):
    clean, out = tmp_path / "clean.json", tmp_path / "noisy.json"
    made = squares(6, segmentation=[])
    clean.write_text(json.dumps(made, indent=1), encoding="utf-8")
    # Half of the classes flip, then flip back: the same draws decide, in a step of another type.
    steps = [{"type": "asymmetric", "rate": 1.0, "map": {"cat": "dog"}}]
    steps += [{"type": "box-jitter", "r": 0.3, "rate": 0.0}]
    steps += [{"type": "asymmetric", "rate": 1.0, "map": {"dog": "cat"}}]
    manifest = make(clean, out, spec_of(steps))
    assert (manifest["writer"], out.read_bytes()) == ("digits", clean.read_bytes())
    assert verify(out, clean) == []


# Of one value, what a file may write; all are taken by noise.
ODD_NUMBERS = st.sampled_from(
    ["3", "3.0", "3e0", "0.3E1", "0", "0.0", "-0.0", "-0", "7.25", "70e-1"]
)
ODD_BOXES = st.tuples(*[ODD_NUMBERS] * 2, *[st.sampled_from(["20", "20.0", "2e1", "31.50"])] * 2)
ODD_FIELDS = {
    "iscrowd": st.sampled_from(["0", "false", "0.0", "-0.0", "1", "true"]),
    "area": st.sampled_from(["400", "400", "400", "400.0", "4e2", "-0.0", "null", "false"]),
    "segmentation": st.sampled_from(
        [
            "[]",
            "null",
            *["[[20,20,40,20,40,40,20,40]]"] * 4,  # which scaled there and back has the area 400.0
            "[[20,20.0,4e1,20,40,40,20,-0.0]]",
            '{"counts":[1205,20,5975],"size":[60,120]}',
            '{"size":[60,120],"counts":[0,1500,5700]}',
        ]
    ),
    "attributes": st.sampled_from(["{}", '{"category_id":90}', '{"category_id":4.0,"b":null}']),
}
ODD_STEPS = st.sampled_from(
    [
        *[{"type": "scale", "rate": 1.0, "kernel": 3}] * 6,
        {"type": "boundary", "rate": 0.5, "sigma": 0.4},
        {"type": "box-jitter", "r": 0.02, "only": "bbox"},
        {"type": "box-jitter", "r": 0.2, "rate": 0.5, "crowds": True},
        {"type": "symmetric", "rate": 0.5},
        {"type": "symmetric", "rate": 0.5, "crowds": True},
        {"type": "missing", "rate": 0.3},
        {"type": "bogus", "rate": 0.2},
    ]
)


@st.composite
def odd_files(draw):
    """A file of annotations whose fields are written in any way, or absent."""
    entries = []
    for number in range(draw(st.integers(1, 8))):
        box = ",".join(draw(ODD_BOXES))
        pairs = [("id", str(number)), ("image_id", "1"), ("bbox", f"[{box}]")]
        pairs.append(("category_id", draw(st.sampled_from(["4", "90", "11"]))))
        pairs += [(key, draw(value)) for key, value in ODD_FIELDS.items() if draw(st.booleans())]
        texts = [f'"{key}":{value}' for key, value in draw(st.permutations(pairs))]
        entries.append("{" + ", ".join(texts) + "}")
    categories = json.dumps(document()["categories"])
    images = '[{"id":1,"file_name":"a.jpg","width":120,"height":60}]'
    return (
        f'{{"images":{images},"annotations":[{",".join(entries)}],"categories":{categories},'
        '"score":-0.0}'
    )


@settings(max_examples=150, deadline=None)
@given(
    content=odd_files(), steps=st.lists(ODD_STEPS, min_size=1, max_size=3), seed=st.integers(0, 9)
)
def test_any_way_to_write_a_number_is_given_back(content, steps, seed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    clean, noisy = folder / "clean.json", folder / "noisy.json"
    clean.write_text(content, encoding="utf-8")
    manifest = make(clean, noisy, spec_of(steps, seed))
    assert verify(noisy, clean) == []
    apply(clean, manifest_path(noisy), folder / "again.json")
    assert (folder / "again.json").read_bytes() == noisy.read_bytes()
    invert(noisy, manifest_path(noisy), folder / "back.json")
    back = (folder / "back.json").read_text(encoding="utf-8")
    # By the text of each number: json.loads would call 20 and 20.0 equal.
    tags = {
        "parse_int": lambda text: ("int", int(text)),
        "parse_float": lambda t: ("float", repr(float(t))),
    }
    assert json.loads(back, **tags) == json.loads(content, **tags)
    all_class = all(NOISE_TYPES[step["type"]].family.name == "class" for step in steps)
    if all_class and content.count('"category_id"') == len(json.loads(content)["annotations"]):
        assert (manifest["writer"], back) == ("digits", content)


def test_files_that_were_once_parsed_for_a_crowd_flag_still_verify(tmp_path):
    clean, out = tmp_path / "clean.json", tmp_path / "noisy.json"
    clean.write_text(json.dumps(squares(40, iscrowd=False)), encoding="utf-8")
    data = clean.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    content = noisy_content(data, str(clean), digest, SPEC, writer="document")
    write_pair(NoisyFiles(out, manifest_path(out)), content)
    assert read_manifest(manifest_path(out))["writer"] == "document"
    assert verify(out, clean) == []
    apply(clean, manifest_path(out), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == out.read_bytes()
    invert(out, manifest_path(out), tmp_path / "back.json")
    assert json.loads((tmp_path / "back.json").read_bytes()) == json.loads(data)
    make(clean, out, SPEC)
    assert read_manifest(manifest_path(out))["writer"] == "digits"


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.integers(-(2**63), 2**63 - 1)
classes_of_files = st.lists(
    st.tuples(st.one_of(numbers, st.integers(0, 99)), words.filter(bool)),
    min_size=2,
    max_size=6,
    unique_by=(lambda pair: pair[0], lambda pair: pair[1]),
)


@st.composite
def files(draw):
    """A COCO file of any layout: order of keys, spaces, escapes, what else it holds."""
    classes = draw(classes_of_files)
    ids = draw(st.lists(numbers, max_size=25, unique=True))
    entries = []
    for number in ids:
        pairs = {
            "id": number,
            "image_id": 3,
            "category_id": draw(st.sampled_from(classes))[0],
            "iscrowd": draw(st.sampled_from([0, 0, 0, 1])),
            "bbox": [0.5, 1, 2e3, 4],
            draw(words) + "!": draw(words),
        }
        entries.append(dict(draw(st.permutations(list(pairs.items())))))
    made = {
        "images": [{"id": 3, "file_name": draw(words) + ".jpg", "width": 9, "height": 9}],
        "annotations": entries,
        "categories": [{"id": number, "name": name} for number, name in classes],
        "info": draw(words),
    }
    made = dict(draw(st.permutations(list(made.items()))))
    indent = draw(st.sampled_from([None, 0, 1, "\t"]))
    separators = draw(st.sampled_from([None, (",", ":"), (" , ", " : ")]))
    ascii_only = draw(st.booleans())
    return json.dumps(made, indent=indent, separators=separators, ensure_ascii=ascii_only)


@settings(max_examples=60, deadline=None)
@given(content=files(), rate=st.sampled_from([0.0, 0.3, 1.0]), seed=st.integers(0, 2**64 - 1))
def test_class_noise_goes_back_to_the_byte(content, rate, seed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    clean, noisy = folder / "clean.json", folder / "noisy.json"
    clean.write_bytes(content.encode())
    names = [entry["name"] for entry in json.loads(content)["categories"]]
    spec = NoiseSpec(steps=(make_step("symmetric", classes=names, rate=rate),), seed=seed)
    manifest = make(clean, noisy, spec)
    assert manifest["writer"] == "digits"
    assert verify(noisy, clean) == []
    apply(clean, manifest_path(noisy), folder / "again.json")
    assert (folder / "again.json").read_bytes() == noisy.read_bytes()
    invert(noisy, manifest_path(noisy), folder / "back.json")
    assert (folder / "back.json").read_bytes() == content.encode()
    before, after = json.loads(content), json.loads(noisy.read_bytes())
    for old, new in zip(before["annotations"], after["annotations"], strict=True):
        flips = old["category_id"] != new["category_id"]
        assert flips <= (rate > 0 and not old["iscrowd"])
        assert flips or rate < 1 or old["iscrowd"]
        assert {**new, "category_id": 0} == {**old, "category_id": 0}


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(121)))
def test_the_order_of_annotations_does_not_matter(order, tmp_path_factory):
    folder = tmp_path_factory.mktemp("order")
    found, manifests = [], []
    for name, places in (("one", range(121)), ("other", order)):
        made = document()
        made["annotations"] = [made["annotations"][place] for place in places]
        (folder / f"{name}.json").write_text(json.dumps(made), encoding="utf-8")
        manifest = make(folder / f"{name}.json", folder / f"{name}-noisy.json", SPEC)
        noisy = json.loads((folder / f"{name}-noisy.json").read_bytes())
        found.append({entry["id"]: entry["category_id"] for entry in noisy["annotations"]})
        manifests.append({k: v for k, v in manifest.items() if "sha256" not in k})
    assert found[0] == found[1]
    assert manifests[0] == manifests[1]


@pytest.mark.parametrize("slow", [False, True])
def test_verify_says_which_annotations_differ(slow, clean, out):
    if slow:
        slow_layout(clean)
    make(clean, out, SPEC)
    made = json.loads(out.read_bytes())
    first, second, third = (made["annotations"][n] for n in (3, 8, 11))
    was = first["category_id"]
    first["category_id"] = {4: 90, 90: 11, 11: 4}[was]
    second["id"] = 1
    made["annotations"].remove(third)
    out.write_text(json.dumps(made), encoding="utf-8")
    problems = "\n".join(verify(out, clean))
    now = first["category_id"]
    expected = (
        f"annotation {first['id']} differs in category_id"
        if slow
        else f"annotation {first['id']} is of category {now}, should be of {was}"
    )
    assert expected in problems
    assert "annotation 1 should not be there" in problems
    assert f"annotation {1000 + 7 * 8} is absent" in problems
    assert f"annotation {third['id']} is absent" in problems
    assert f"has the SHA-256 {sha256(out)}" in problems


def test_verify_shows_five_and_counts_the_rest(clean, out):
    make(clean, out, SPEC)
    made = json.loads(out.read_bytes())
    del made["annotations"][:40]
    out.write_text(json.dumps(made), encoding="utf-8")
    problems = verify(out, clean)
    assert sum("is absent" in line for line in problems) == 5
    assert problems[-1] == "and 35 more annotations"


@pytest.mark.parametrize("place", [0, 1000, -1])
def test_verify_finds_any_byte(place, clean, out):
    make(clean, out, SPEC)
    data = bytearray(out.read_bytes())
    place %= len(data)
    data[place] ^= 1
    out.write_bytes(data)
    assert any(f"first at byte {place}" in line for line in verify(out, clean))


@pytest.mark.parametrize("change", [lambda d: d + b"\n", lambda d: d[:-1], lambda d: b""])
def test_verify_finds_bytes_too_many_or_too_few(change, clean, out):
    make(clean, out, SPEC)
    data = out.read_bytes()
    out.write_bytes(change(data))
    first = min(len(data), len(change(data)))
    assert any(f"first at byte {first}" in line for line in verify(out, clean))


def edit(path, change):
    made = json.loads(path.read_bytes())
    change(made)
    path.write_text(json.dumps(made), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda m: m["changes"]["classes"][0][2].sort(reverse=True), "changes"),
        (lambda m: m["classes"][0].update(clean=1), "classes"),
        (lambda m: m["steps"][0].update(flipped=1), "steps"),
        (lambda m: m["counts"][0].reverse(), "counts"),
        (lambda m: m.update(noisy_sha256="0" * 64), "noisy_sha256"),
        (lambda m: m.update(more=1), "more"),
        (lambda m: m.update(more=None), "more"),
        (lambda m: m["steps"][0]["per_class"].update(eligible=[40.0] * 3), "steps"),
    ],
)
def test_verify_finds_an_edited_manifest(change, named, clean, out):
    make(clean, out, SPEC)
    edit(manifest_path(out), change)
    assert any(line.endswith(f"makes in: {named}") for line in verify(out, clean))


def test_verify_finds_old_values_that_are_written_otherwise(tmp_path):
    clean, out = tmp_path / "clean.json", tmp_path / "noisy.json"
    clean.write_text(json.dumps(squares(8)), encoding="utf-8")
    make(clean, out, spec_of([{"type": "scale", "rate": 1.0, "kernel": 3}]))
    edit(manifest_path(out), lambda m: m["changes"]["geometry"][0][1].update(area=400.0))
    assert verify(out, clean) == [
        f"{manifest_path(out)} says something else than what the spec makes in: changes"
    ]


def test_verify_names_a_field_that_is_written_otherwise(tmp_path):
    clean, out = tmp_path / "clean.json", tmp_path / "noisy.json"
    clean.write_text(json.dumps(squares(2)), encoding="utf-8")
    make(clean, out, spec_of([{"type": "missing", "rate": 0.5}]))
    out.write_bytes(out.read_bytes().replace(b'"area":400', b'"area":400.0'))
    assert verify(out, clean)[-1].endswith("differs in area")


def test_a_manifest_cannot_change_its_writer_alone(clean, out, tmp_path):
    make(clean, out, SPEC)
    edit(manifest_path(out), lambda m: m.update(writer="document"))
    with pytest.raises(InputError, match="contradict each other"):
        invert(out, manifest_path(out), tmp_path / "new.json")
    edit(manifest_path(out), lambda m: m.update(clean_document_sha256="0" * 64))
    with pytest.raises(InputError, match="do not give back the clean annotations"):
        invert(out, manifest_path(out), tmp_path / "new.json")
    assert not (tmp_path / "new.json").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["changes"]["removed"][0][1]["bbox"].__setitem__(0, {}),
        lambda m: m["changes"]["removed"][0][1].update(area=7.25),
        lambda m: m["changes"]["geometry"][0][1].update(segmentation=[{}]),
    ],
)
def test_edited_old_values_are_never_restored(change, clean, out, tmp_path):
    make(clean, out, spec_of(STEPS_THAT_REMOVE))
    edit(manifest_path(out), change)
    with pytest.raises(InputError, match="do not give back the clean annotations"):
        invert(out, manifest_path(out), tmp_path / "new.json")
    assert not (tmp_path / "new.json").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["spec"].pop("seed"),
        lambda m: m["spec"].pop("steps"),
        lambda m: m["spec"]["steps"][0].pop("version"),
        lambda m: m["spec"]["steps"].append({"a": 1}),
        lambda m: m["steps"].append(m["steps"][0]),
        lambda m: m["steps"][0].update(eligible={}),
        lambda m: m["steps"][0].update(intended_rate=[None]),
        lambda m: m["steps"][0].update(rate_of_eligible_interval=True),
        lambda m: m["steps"][0].update(rate_of_eligible=1.5),
    ],
)
def test_a_manifest_is_refused_whose_spec_or_reports_are_none(change, clean, out):
    make(clean, out, SPEC)
    edit(manifest_path(out), change)
    with pytest.raises(InputError, match=r"no whole manifest|contradict each other"):
        read_manifest(manifest_path(out))


def test_a_folder_in_the_manifests_place_is_refused_before_anything_is_written(clean, out):
    manifest_path(out).mkdir(parents=True)
    with pytest.raises(InputError, match="a folder or a device is there"):
        make(clean, out, SPEC)
    assert not out.exists()


def test_verify_finds_another_seed(clean, out):
    make(clean, out, SPEC)
    edit(manifest_path(out), lambda m: m["spec"].update(seed=2))
    assert any("differs from what the spec makes" in line for line in verify(out, clean))


def test_verify_takes_a_manifest_from_elsewhere(clean, out, tmp_path):
    make(clean, out, SPEC)
    moved = manifest_path(out).rename(tmp_path / "m.json")
    assert verify(out, clean, manifest=moved) == []
    with pytest.raises(InputError, match=r"cannot read the manifest .*noisy\.manifest\.json"):
        verify(out, clean)


def test_a_manifest_of_another_file(clean, out, tmp_path):
    make(clean, out, SPEC)
    other = tmp_path / "other.json"
    other.write_bytes(clean.read_bytes() + b" ")
    with pytest.raises(InputError, match=f"{sha256(clean)}.*{sha256(other)}"):
        verify(out, other)
    with pytest.raises(InputError, match=f"{sha256(clean)}.*{sha256(other)}"):
        apply(other, manifest_path(out), tmp_path / "new.json")
    with pytest.raises(InputError, match=f"{sha256(out)}.*{sha256(clean)}"):
        invert(clean, manifest_path(out), tmp_path / "new.json")
    assert not (tmp_path / "new.json").exists()


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("operation", ["apply", "invert"])
def test_an_edited_manifest_writes_nothing(operation, slow, clean, out, tmp_path):
    if slow:
        slow_layout(clean)
    make(clean, out, SPEC)

    def run():
        if operation == "apply":
            apply(clean, manifest_path(out), tmp_path / "new.json")
        else:
            invert(out, manifest_path(out), tmp_path / "new.json")

    whole = manifest_path(out).read_bytes()
    if not (slow and operation == "invert"):  # the equal document has no checksum to tell by
        edit(manifest_path(out), lambda m: m["changes"]["classes"][0].reverse() or None)
        with pytest.raises(InputError):
            run()
    manifest_path(out).write_bytes(whole)
    edit(manifest_path(out), lambda m: m["changes"]["classes"][0][2].__setitem__(0, 3))
    with pytest.raises(InputError, match="do not fit the annotations"):
        run()
    assert listing(tmp_path) == ["clean.json", "out", "out/noisy.json", "out/noisy.manifest.json"]


NO_MANIFESTS = {
    "not JSON": lambda m: "{",
    "a list": lambda m: [m],
    "COCO": lambda m: document(),
    "another format": lambda m: {**m, "format": 1},
    "format as text": lambda m: {**m, "format": "2"},
    "writer": lambda m: {**m, "writer": "hand"},
    "checksum": lambda m: {**m, "noisy_sha256": "12"},
    "changes": lambda m: {**m, "changes": {**m["changes"], "classes": [[4, 90, ["1"]]]}},
    "wide ids": lambda m: {**m, "changes": {**m["changes"], "added": [2**63]}},
    "counts": lambda m: {**m, "counts": m["counts"][:2]},
    "contradiction": lambda m: {**m, "changes": {**m["changes"], "added": [1]}},
    "negative": lambda m: {**m, "annotations": {**m["annotations"], "clean": -1}},
    "unknown class": lambda m: {
        **m,
        "changes": {
            **m["changes"],
            "classes": [[1, 2, list(range(m["annotations"]["class_changed"]))]],
        },
    },
}


KEYS = ["format", "spec", "writer", "clean_sha256", "noisy_sha256", "annotations", "classes"]
KEYS += ["counts", "changes", "steps"]


def without(key):
    return lambda manifest: {k: v for k, v in manifest.items() if k != key}


NO_MANIFESTS |= {f"no {key}": without(key) for key in KEYS}


@pytest.mark.parametrize("change", NO_MANIFESTS.values(), ids=NO_MANIFESTS)
def test_what_is_no_manifest(change, clean, out, tmp_path):
    made = change(json.loads(json.dumps(make(clean, out, SPEC))))
    path = manifest_path(out)
    path.write_text(made if isinstance(made, str) else json.dumps(made), encoding="utf-8")
    for run in (
        lambda: read_manifest(path),
        lambda: verify(out, clean),
        lambda: apply(clean, path, tmp_path / "new.json"),
        lambda: invert(out, path, tmp_path / "new.json"),
    ):
        with pytest.raises(InputError, match=r"noisy\.manifest\.json") as caught:
            run()
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "new.json").exists()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_edit_of_a_manifest_is_an_input_error_at_most(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("edits")
    clean, out = folder / "clean.json", folder / "noisy.json"
    clean.write_text(json.dumps(document(12)), encoding="utf-8")
    make(clean, out, spec_of(data.draw(st.sampled_from([*STEPS.values()]))))
    made = json.loads(manifest_path(out).read_bytes())
    spot = made
    while True:
        key = data.draw(
            st.sampled_from(sorted(spot) if isinstance(spot, dict) else range(len(spot)))
        )
        inner = spot[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            break
        spot = inner
    values = [None, -1, 0, 1, 1.5, 2**63, 2**70, "", "x", [], [[]], {}, {"a": 1}, True, spot[key]]
    spot[key] = data.draw(st.sampled_from(values))
    manifest_path(out).write_text(json.dumps(made), encoding="utf-8")
    for run in (
        lambda: verify(out, clean),
        lambda: apply(clean, manifest_path(out), folder / "new.json"),
        lambda: invert(out, manifest_path(out), folder / "new.json"),
    ):
        with contextlib.suppress(InputError):
            run()


@pytest.mark.parametrize("name", ["clean.json", "soft.json", "hard.json", "x/../clean.json"])
def test_the_output_is_none_of_the_inputs(name, clean, out, tmp_path):
    make(clean, out, SPEC)
    files = {path: path.read_bytes() for path in (clean, out, manifest_path(out))}
    (tmp_path / "x").mkdir()
    for target in files:
        for link in (tmp_path / "soft.json", tmp_path / "hard.json"):
            link.unlink(missing_ok=True)
        (tmp_path / "soft.json").symlink_to(target)
        (tmp_path / "hard.json").hardlink_to(target)
        same = target if name == "clean.json" else tmp_path / name
        if target == clean:
            with pytest.raises(InputError, match="would overwrite the clean annotations"):
                make(clean, same, SPEC)
        if target != out and "x/" not in name:
            with pytest.raises(InputError, match="would overwrite the"):
                apply(clean, manifest_path(out), same)
        if target != clean and "x/" not in name:
            with pytest.raises(InputError, match="would overwrite the"):
                invert(out, manifest_path(out), same)
    assert {path: path.read_bytes() for path in files} == files


def test_the_manifest_must_not_replace_the_clean_file_either(clean, tmp_path):
    clean = clean.rename(tmp_path / "x.manifest.json")
    before = clean.read_bytes()
    with pytest.raises(InputError, match="would overwrite the clean annotations"):
        make(clean, tmp_path / "x.json", SPEC)
    assert listing(tmp_path) == ["x.manifest.json"]
    assert clean.read_bytes() == before


PROGRAM = """
import os, signal, sys
from pathlib import Path
from noisyseg.noise.operations import make
from noisyseg.noise.spec import NoiseSpec, make_step
calls = []
def deadly(whole):
    def call(*arguments):
        calls.append(arguments)
        if len(calls) == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        whole(*arguments)
    return call
os.fsync, os.replace = deadly(os.fsync), deadly(os.replace)
step = make_step("symmetric", classes=["cat", "dog", "cow"], rate=0.4)
make(Path(sys.argv[1]), Path(sys.argv[2]), NoiseSpec(steps=(step,), seed=1))
"""


# Both files are whole on the disk (1, 2) before the first moves into its place (3), then the other.
@pytest.mark.parametrize(("moment", "left"), [(1, []), (2, []), (3, []), (4, ["noisy.json"])])
def test_a_process_killed_while_it_writes(moment, left, clean, out):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(clean), str(out), str(moment)], cwd=ROOT, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert [path.name for path in out.parent.iterdir() if path.name[0] != "."] == left
    make(clean, out, SPEC)
    assert verify(out, clean) == []


def test_a_killed_rewrite_is_not_taken_for_the_new_one(clean, out):
    make(clean, out, spec_of(STEPS["symmetric"], seed=2))
    old = out.read_bytes()
    for moment in (1, 2, 3, 4):
        subprocess.run(
            [sys.executable, "-c", PROGRAM, str(clean), str(out), str(moment)],
            cwd=ROOT,
            check=False,
        )
        assert (out.read_bytes() == old) == (moment < 4)
        assert (verify(out, clean) == []) == (moment < 4)


def write_little(number):
    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))

    return limited


def test_a_system_that_takes_no_more_bytes(clean, out):
    program = PROGRAM.replace("make(", "try:\n    make(").replace(
        "import os", "import os, noisyseg"
    ) + ("except noisyseg.errors.InputError as error:\n    print(error)\n")
    done = subprocess.run(
        [sys.executable, "-c", program, str(clean), str(out), "0"],
        cwd=ROOT,
        preexec_fn=write_little(1000),
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"cannot write {out}: {os.strerror(errno.EFBIG)}" in done.stdout
    assert listing(out.parent) == []


@pytest.mark.parametrize("nth", [1, 2])
def test_a_full_disk(nth, clean, out, monkeypatch):
    calls = []

    def full(handle):
        calls.append(handle)
        if len(calls) == nth:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"cannot write .*No space left on device"):
        make(clean, out, SPEC)
    assert listing(out.parent) == []


def test_a_full_disk_leaves_the_old_files(clean, out, tmp_path, monkeypatch):
    make(clean, out, SPEC)
    whole = out.read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    for run in (
        lambda: make(clean, out, spec_of(STEPS["symmetric"], seed=2)),
        lambda: apply(clean, manifest_path(out), tmp_path / "new.json"),
        lambda: invert(out, manifest_path(out), tmp_path / "new.json"),
    ):
        with pytest.raises(InputError, match="No space left on device"):
            run()
    assert out.read_bytes() == whole
    assert verify(out, clean) == []
    assert listing(tmp_path) == ["clean.json", "out", "out/noisy.json", "out/noisy.manifest.json"]


def test_files_that_are_cut_short_or_absent(clean, out, tmp_path):
    make(clean, out, SPEC)
    short = tmp_path / "short.json"
    short.write_bytes(clean.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"short\.json: not valid JSON.*cut short"):
        make(short, tmp_path / "new.json", SPEC)
    for run in (
        lambda: make(tmp_path / "gone.json", tmp_path / "new.json", SPEC),
        lambda: verify(tmp_path / "gone.json", clean, manifest=manifest_path(out)),
        lambda: verify(out, tmp_path / "gone.json"),
        lambda: apply(tmp_path / "gone.json", manifest_path(out), tmp_path / "new.json"),
        lambda: invert(tmp_path / "gone.json", manifest_path(out), tmp_path / "new.json"),
    ):
        with pytest.raises(InputError, match=r"gone\.json"):
            run()
    assert not (tmp_path / "new.json").exists()


def test_class_changes_are_applied_without_the_scores_they_came_from(clean, out, tmp_path):
    made = json.loads(clean.read_bytes())
    ids = np.array([entry["id"] for entry in made["annotations"]])
    scores = np.random.default_rng(0).random((len(ids), 3))
    np.savez(tmp_path / "scores.npz", ids=ids, scores=scores, classes=np.array(NAMES))
    raw = {"type": "instance-dependent", "rate": 0.5, "scores": "scores.npz"}
    spec = NoiseSpec(steps=parse_steps(raw, NAMES, "here", tmp_path), seed=1)
    make(clean, out, spec)
    apply(clean, manifest_path(out), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == out.read_bytes()
    parameter = NOISE_TYPES["instance-dependent"].parameters["scores"]
    place = Place(where="here", base=tmp_path, classes=NAMES)
    loaded = parameter.parse("scores.npz", place)
    assert verify(out, clean, files={"scores": loaded}) == []
    with pytest.raises(InputError, match="scores"):
        verify(out, clean)


@pytest.mark.parametrize(
    "name",
    [
        "tests/data/coco_sample/annotations/instances_train2017.json",
        "bench/datasets/shipped/boards/annotations/train.json",
    ],
)
def test_real_files(name, tmp_path):
    clean, out = ROOT / name, tmp_path / "noisy.json"
    document = read_annotations(clean)
    names = [entry["name"] for entry in document["categories"]]
    spec = NoiseSpec(steps=(make_step("symmetric", classes=names, rate=0.4),), seed=0)
    make(clean, out, spec)
    assert json.loads(out.read_bytes()) == corrupt(document, spec)[0]
    assert verify(out, clean) == []
    invert(out, manifest_path(out), tmp_path / "back.json")
    assert (tmp_path / "back.json").read_bytes() == clean.read_bytes()
