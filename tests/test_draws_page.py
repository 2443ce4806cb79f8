"""docs/draws.md is enough: a program of plain integers that was written from it makes our bytes."""

import importlib.util
import json
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from noisyseg.annotation_files.document import encode_annotations
from noisyseg.bench.cli.command_line import main

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "draws.md"
PROGRAM = Path(__file__).with_name("plain_draws.py")
COCO_GAPS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
SUPERCATEGORIES = {1: "person", 2: "vehicle", 10: "outdoor", 16: "animal", 27: "accessory"} | {
    34: "sports",
    44: "kitchen",
    52: "food",
    62: "furniture",
    72: "electronic",
    78: "appliance",
    84: "indoor",
}
SMALL = ["owl", "é cat", "dog", "root", "cow"]
MAP = {"dog": "cow", "cow": "dog", "owl": "é cat", "root": "dog"}
THIRDS = {
    "owl": {"owl": "0.1", "é cat": "0.3", "dog": "0.2", "cow": "0.4"},
    "é cat": dict.fromkeys(SMALL, "0.2"),
    "dog": {"dog": "0.3333333333333333", "root": "0.3333333333333333", "cow": "0.3333333333333334"},
    "root": {"root": "1"},
    "cow": {"owl": "0.7", "dog": "0.1", "cow": "0.05", "é cat": "0.15"},
}


def coco_categories():
    """COCO's ids in another order than theirs."""
    ids = [n for n in range(1, 91) if n not in COCO_GAPS]
    starts = {n: max(start for start in SUPERCATEGORIES if start <= n) for n in ids}
    return [
        {
            "id": n,
            "name": "person" if n == 1 else f"c{n}",
            "supercategory": SUPERCATEGORIES[starts[n]],
        }
        for n in ids[50:] + ids[:50]
    ]


def small_categories():
    ids = (40, -3, 20, 1000, 5)
    groups = ("bird", "pet", "pet", "pet", "farm")
    columns = zip(ids, SMALL, groups, strict=True)
    return [{"id": n, "name": name, "supercategory": group} for n, name, group in columns]


def clean_text(categories, indent=None):
    """1200 annotations in no order, ids from below 0 to beyond 2^62, every ninth a crowd."""
    draw = random.Random(3)
    ids = [*range(-100, 1000), *(2**62 + 7 * n for n in range(100))]
    draw.shuffle(ids)
    annotations = [
        {
            "segmentation": [[0.5, 1, 9.25, 1, 9.25, 33.125]],
            "category_id": draw.choice(categories)["id"],
            "iscrowd": int(n % 9 == 4),
            "image_id": 1,
            "bbox": [0.5, 1, 8.75, 32.125],
            "id": number,
            "area": -0.0,
        }
        for n, number in enumerate(ids)
    ]
    images = [{"id": 1, "file_name": 'ü "1".png', "width": 60, "height": 40}]
    made = {"annotations": annotations, "images": images, "categories": categories}
    return json.dumps(made, indent=indent, ensure_ascii=False)


def step(kind, **more):
    return {"type": kind, **more}


CASES = {
    "symmetric": [step("symmetric", rate="0.4")],
    "symmetric of the scripts": [step("symmetric", rate="0.6", convention="lncis-code")],
    "symmetric with crowds": [step("symmetric", rate="0.8", crowds=True)],
    "symmetric, some exempt": [step("symmetric", rate="0.5", exempt=["dog", "root"])],
    "the scripts', some exempt": [
        step("symmetric", rate="1", convention="lncis-code", crowds=False, exempt=["root"])
    ],
    "asymmetric": [step("asymmetric", rate="0.2", map=MAP)],
    "asymmetric of the scripts": [
        step("asymmetric", rate="0.37", map=MAP, convention="lncis-code")
    ],
    "asymmetric, some exempt": [step("asymmetric", rate="0.9", map=MAP, exempt=["root", "owl"])],
    "superclass-uniform": [step("superclass-uniform", rate="0.7")],
    "superclass-uniform, some exempt": [step("superclass-uniform", rate="0.7", exempt=["dog"])],
    "superclass-pairs": [step("superclass-pairs", rate="0.45")],
    "matrix": [step("matrix", matrix=THIRDS)],
    "matrix with crowds, some exempt": [
        step("matrix", matrix=THIRDS, crowds=True, exempt=["root", "owl"])
    ],
    "confusion": [step("confusion", matrix=THIRDS)],
    "missing": [step("missing", rate="0.29")],
    "missing with crowds": [step("missing", rate="0.001", crowds=True)],
    "three steps of two types": [
        step("symmetric", rate="0.3"),
        step("matrix", matrix=THIRDS),
        step("symmetric", rate="0.3"),
    ],
    "missing between": [
        step("symmetric", rate="0.3"),
        step("missing", rate="0.5"),
        step("missing", rate="0.1"),
        step("superclass-uniform", rate="0.3"),
    ],
    "missing none": [step("missing", rate="0.0001"), step("symmetric", rate="0.1")],
    "nothing": [step("symmetric", rate="0")],
}
COCO_CASES = {
    "symmetric": [step("symmetric", rate="0.8")],
    "symmetric of the scripts": [step("symmetric", rate="0.4", convention="lncis-code")],
    "coco of the scripts": [step("asymmetric", rate="0.4", map="coco", convention="lncis-code")],
    "coco of the scripts, some exempt": [
        step("asymmetric", rate="1", map="coco", convention="lncis-code", exempt=["c36", "c2"])
    ],
    "superclass-pairs": [step("superclass-pairs", rate="0.4")],
    "superclass-pairs, some exempt": [step("superclass-pairs", rate="0.4", exempt=["c2", "c90"])],
    "superclass-uniform": [step("superclass-uniform", rate="0.2")],
}


def with_numbers(steps):
    """The steps as YAML, where decimal numbers are numbers."""
    return re.sub(r'"(\d[\d.]*)"', r"\1", json.dumps(steps, ensure_ascii=False))


def both(folder, text, steps, seed):
    """What `noise make` and the program make of the text."""
    clean = folder / "clean.json"
    clean.write_text(text, encoding="utf-8")
    ours, plain = folder / "ours.yaml", folder / "plain.json"
    ours.write_text(with_numbers(steps), encoding="utf-8")
    plain.write_text(json.dumps({"seed": seed, "steps": steps}), encoding="utf-8")
    options = ("--annotations", clean, "--spec", ours, "--seed", seed, "--out", folder / "a.json")
    assert main(["noise", "make", *map(str, options)]) == 0
    command = [sys.executable, "-I", PROGRAM, clean, plain, folder / "b.json"]
    subprocess.run(command, check=True)
    return (folder / "a.json").read_bytes(), (folder / "b.json").read_bytes()


@pytest.mark.parametrize("seed", [0, 2**64 - 1])
@pytest.mark.parametrize("steps", CASES.values(), ids=CASES)
def test_the_page_is_enough(steps, seed, tmp_path):
    text = clean_text(small_categories(), indent=1 if seed else None)
    ours, plain = both(tmp_path, text, steps, seed)
    assert plain == ours
    assert (ours != text.encode()) == any(s.get("rate") != "0" for s in steps)


@pytest.mark.parametrize("steps", COCO_CASES.values(), ids=COCO_CASES)
def test_the_page_is_enough_for_cocos_classes(steps, tmp_path):
    ours, plain = both(tmp_path, clean_text(coco_categories()), steps, 7)
    assert plain == ours


def test_a_file_whose_digits_cannot_be_told_is_written_anew(tmp_path):
    text = clean_text(small_categories(), indent=2).replace("{", '{"category_id": 7, ', 1)
    ours, plain = both(tmp_path, text, CASES["symmetric"], 1)
    assert plain == ours
    assert b"\n" not in ours


@pytest.fixture(scope="module")
def program():
    spec = importlib.util.spec_from_file_location("plain_draws", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_numbers_on_the_page_are_the_programs(program):
    page = PAGE.read_text(encoding="utf-8")
    flip, target = "symmetric/0/flip", "symmetric/0/target"
    for what, value in (
        ("mix(0)", program.mix(0)),
        ("stream `symmetric/0/flip`", program.stream(flip)),
        ("bits, seed 1, that stream, id 1000", program.bits(1, flip, 1000)),
        ("the same, id −1", program.bits(1, flip, -1)),
        ("bits, seed 1, `symmetric/0/target`, id 1000", program.bits(1, target, 1000)),
    ):
        assert f"| {what} | `{value:016x}`" in page
    assert f"choice of 3: {((program.bits(1, target, 1000) >> 32) * 3) >> 32} |" in page
    rate = program.double(program.Fraction("0.4"))
    assert program.below(3602879701896396, rate)
    assert not program.below(3602879701896397, rate)
    assert "3602879701896397" in page


@pytest.mark.parametrize("text", ["0.1", "0.4", "0.3333333333333333", "1", "0.7000000000000001"])
def test_the_programs_doubles_are_the_machines(text, program):
    one, other = program.double(text), program.double("0.2")
    assert (float(one), one) == (float(text), program.Fraction(float(text)))
    assert program.double(one + other) == program.Fraction(float(text) + 0.2)
    assert program.double(one * other) == program.Fraction(float(text) * 0.2)


def test_numbers_and_texts_are_written_as_the_page_says():
    page = PAGE.read_text(encoding="utf-8")
    for value in (20.0, -0.0, 0.00001, 9e-6, 1.5e-7, 1e16):
        assert f"`{encode_annotations(value).decode()}`" in page
    assert encode_annotations(9.9e15) == b"9900000000000000.0"
    assert (
        encode_annotations('\b\t\n\f\r\x1f/\x7f"\\é')
        == b'"\\b\\t\\n\\f\\r\\u001f/\x7f\\"\\\\\xc3\xa9"'
    )


def test_the_program_has_nothing_of_ours():
    text = PROGRAM.read_text(encoding="utf-8")
    assert "noisyseg" not in text
    assert "float(" not in text
