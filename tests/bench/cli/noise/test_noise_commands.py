import json
import os
import shutil
import stat

import numpy as np
import pytest

from noisyseg.files import sha256_file
from noisyseg.noise.golden import SAMPLE
from noisyseg.noise.types.registry import NOISE_TYPES

NAMES = [category["name"] for category in json.loads(SAMPLE.read_bytes())["categories"]]
ANNOTATED = {
    entry["category_id"]
    for entry in json.loads(SAMPLE.read_bytes())["annotations"]
    if not entry["iscrowd"]
}
EMPTY = [
    category["name"]
    for category in json.loads(SAMPLE.read_bytes())["categories"]
    if category["id"] not in ANNOTATED
]
SYMMETRIC = ("--type", "symmetric", "--rate", 0.4, "--seed", 1)


@pytest.fixture
def clean(tmp_path):
    return shutil.copy(SAMPLE, tmp_path / "clean.json")


@pytest.fixture
def make(call, clean):
    """Makes here/noisy.json; returns what the command left."""

    def run(*options, out="noisy.json"):
        return call("noise", "make", "--annotations", clean, *options, "--out", out)

    return run


@pytest.fixture
def here(tmp_path):
    return tmp_path / "here"


def load(path):
    return json.loads(path.read_bytes())


def test_make_says_what_it_did(make, here):
    annotated = [name for name in NAMES if name not in EMPTY]
    done = make(*SYMMETRIC, "--classes", ",".join(annotated))
    assert (done.status, done.err) == (0, "")
    report = load(here / "noisy.manifest.json")["steps"][0]
    low, high = report["rate_of_eligible_interval"]
    first, second, *paths = done.out.splitlines()
    assert first == (
        f"step 1, symmetric: intended 40.0 %, expected 40.0 %, realised "
        f"{100 * report['flipped'] / report['eligible']:.1f} % (95 % interval {100 * low:.1f} – "
        f"{100 * high:.1f} %); {report['flipped']} flipped of {report['eligible']} eligible"
    )
    assert f"{report['flipped']} class changed, 0 geometry changed, 0 removed, 0 added" in second
    assert paths == ["noisy file: noisy.json", "manifest:   noisy.manifest.json"]


def test_make_warns_of_classes_without_annotations(make, here):
    done = make(*SYMMETRIC)
    manifest = load(here / "noisy.manifest.json")
    received = {n: sum(row[NAMES.index(n)] for row in manifest["counts"]) for n in EMPTY}
    total = manifest["annotations"]["class_changed"]
    assert done.status == 0
    assert done.err.startswith(f"warning: {sum(received.values())} of {total} flipped labels")
    assert all(f"'{name}' ({count})" in done.err for name, count in received.items() if count)
    assert done.err.count("\n") == 1


def test_make_warns_of_noise_that_changes_nothing(make):
    done = make(
        "--type", "asymmetric", "--rate", 1.0, "--set", f"map={{{EMPTY[0]}: cat}}", "--seed", 1
    )
    assert done.status == 0
    assert done.err.startswith("warning: step 1, asymmetric: it changed nothing: 0 flipped of 0 el")


def test_only_some_classes(make, call, clean, here):
    wanted = ["cat", "dog", "person", "car"]
    options = ("--classes", "cat, dog,person,car")
    assert make("--type", "symmetric", "--rate", 1.0, "--seed", 1, *options).status == 0
    manifest = load(here / "noisy.manifest.json")
    others = sorted(set(NAMES) - set(wanted))
    assert manifest["spec"]["steps"][0]["exempt"] == others
    assert manifest["writer"] == "digits"
    changed = {NAMES[i] for i, row in enumerate(manifest["counts"]) if sum(row) != row[i]}
    assert changed == {entry["name"] for entry in manifest["classes"] if entry["clean"]} & {*wanted}
    assert call("noise", "verify", "noisy.json", "--clean", clean).status == 0
    same = ("--set", f"exempt={json.dumps(others)}")
    assert make("--type", "symmetric", "--rate", 1.0, "--seed", 1, *same, out="b.json").status == 0
    assert (here / "b.json").read_bytes() == (here / "noisy.json").read_bytes()
    assert (here / "b.manifest.json").read_bytes() == (here / "noisy.manifest.json").read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            (*SYMMETRIC, "--classes", "cat,dgo"),
            "--classes: unknown class 'dgo'. Did you mean 'dog'",
        ),
        ((*SYMMETRIC, "--classes", "cat,cat"), "wanted different names of classes, got cat, cat"),
        ((*SYMMETRIC, "--classes", ","), "wanted different names of classes"),
        ((*SYMMETRIC, "--classes", "cat"), "at least two classes to turn labels into, got 1 of 80"),
        (
            ("--type", "missing", "--rate", 0.1, "--seed", 1, "--classes", "cat,dog"),
            "--classes is about labels, which missing noise does not change",
        ),
    ],
)
def test_classes_that_cannot_be(make, here, options, message):
    done = make(*options)
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert not list(here.glob("noisy*"))


def test_make_verify_invert_apply_diff_report(make, call, clean, here):
    spec = here / "spec.yaml"
    spec.write_text("- {type: symmetric, rate: 0.3}\n- {type: scale, preset: hard}\n")
    assert make("--spec", spec, "--seed", 5).status == 0
    checked = call("noise", "verify", "noisy.json", "--clean", clean)
    assert (checked.status, checked.out.split(":")[0]) == (0, "verified")
    manifest = here / "noisy.manifest.json"
    assert call("noise", "invert", "noisy.json", manifest, "--out", "back.json").status == 0
    assert load(here / "back.json") == load(clean)
    assert call("noise", "apply", clean, manifest, "--out", "again.json").status == 0
    assert sha256_file(here / "again.json") == sha256_file(here / "noisy.json")
    differences = json.loads(call("noise", "diff", clean, "noisy.json", "--json").out)
    numbers = load(manifest)["annotations"]
    assert len(differences["class_changes"]) == numbers["class_changed"] > 0
    assert len(differences["geometry_changes"]) == numbers["geometry_changed"] > 0
    reported = call("noise", "report", "noisy.json")
    assert reported.out == "report:  noisy_report.html\nfigures: noisy_report_figures\n"
    page = (here / "noisy_report.html").read_text()
    assert all(text in page for text in ("1. symmetric", "2. scale", sha256_file(clean)))


def test_class_noise_is_inverted_to_the_very_bytes(make, call, clean, here):
    make(*SYMMETRIC)
    call("noise", "invert", "noisy.json", "noisy.manifest.json", "--out", "back.json")
    assert (here / "back.json").read_bytes() == SAMPLE.read_bytes()


def test_verify_names_what_differs_and_exits_1(make, call, clean, here):
    make(*SYMMETRIC)
    document = load(here / "noisy.json")
    entry = document["annotations"][0]
    ids = [category["id"] for category in document["categories"]]
    entry["category_id"] = ids[ids.index(entry["category_id"]) - 1]
    (here / "noisy.json").write_text(json.dumps(document, separators=(",", ":")))
    checked = call("noise", "verify", "noisy.json", "--clean", clean)
    assert checked.status == 1
    lines = checked.out.splitlines()
    assert all(line.startswith("DIFFERS: ") for line in lines)
    assert any(
        f"annotation {entry['id']} is of category {entry['category_id']}" in x for x in lines
    )


@pytest.mark.parametrize(
    ("options", "step"),
    [
        (("--type", "scale", "--preset", "hard"), {"rate": 0.3, "kernel": 7}),
        (("--type", "scale", "--rate", "0.1", "--set", "kernel=5"), {"rate": 0.1, "kernel": 5}),
        (("--type", "symmetric", "--rate", 1, "--set", "crowds=true"), {"crowds": True}),
        (
            ("--type", "symmetric", "--rate", 1, "--convention", "lncis-code"),
            {"convention": "lncis-code", "crowds": True},
        ),
        (
            ("--type", "asymmetric", "--rate", 1, "--set", "map={cat: dog}"),
            {"map": {"cat": "dog"}},
        ),
        (("--type", "asymmetric", "--rate", 1, "--map", "map.yaml"), {"map": {"dog": "cat"}}),
    ],
)
def test_options_become_the_step(make, here, options, step):
    (here / "map.yaml").write_text("dog: cat\n")
    assert make(*options, "--seed", 0).status == 0
    (found,) = load(here / "noisy.manifest.json")["spec"]["steps"]
    assert found["type"] == options[1]
    assert step.items() <= found.items()


def test_a_matrix_file_and_relative_paths_of_a_spec(make, here):
    rows = np.roll(np.eye(len(NAMES)), 1, axis=1)
    np.save(here / "m.npy", rows)
    assert make("--type", "matrix", "--matrix", "m.npy", "--seed", 0).status == 0
    (here / "deep").mkdir()
    shutil.move(here / "m.npy", here / "deep")
    (here / "deep" / "spec.yaml").write_text("type: matrix\nmatrix: m.npy\n")
    assert make("--spec", "deep/spec.yaml", "--seed", 0, out="other.json").status == 0
    assert sha256_file(here / "noisy.json") == sha256_file(here / "other.json")
    counts = np.array(load(here / "noisy.manifest.json")["counts"])
    assert (np.argwhere(counts)[:, 1] == (np.argwhere(counts)[:, 0] + 1) % len(NAMES)).all()


def test_scores_are_needed_again_to_verify(make, call, clean, here):
    ids = [entry["id"] for entry in load(SAMPLE)["annotations"]]
    scores = np.random.default_rng(0).random((len(ids), len(NAMES)))
    np.savez(here / "s.npz", ids=np.array(ids), scores=scores, classes=np.array(NAMES))
    options = ("--type", "instance-dependent", "--rate", 0.5, "--scores", "s.npz", "--seed", 2)
    assert make(*options).status == 0
    checked = call("noise", "verify", "noisy.json", "--clean", clean, "--scores", "s.npz")
    assert checked.status == 0
    checked = call("noise", "verify", "noisy.json", "--clean", clean)
    assert checked.status == 2
    assert "scores" in checked.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--seed", 1), "noise make needs --type NAME or --spec FILE"),
        (("--type", "symetric", "--seed", 1), "unknown noise type 'symetric'. Did you mean 'symm"),
        (("--type", "symmetric", "--seed", 1), "symmetric noise needs --rate R"),
        (("--type", "symmetric", "--rate", "40 %", "--seed", 1), "a noise rate must be a number"),
        (("--type", "symmetric", "--rate", "nan", "--seed", 1), "a noise rate must be a number"),
        ((*SYMMETRIC, "--set", "rate=0.3"), "--set rate: rate is given twice"),
        ((*SYMMETRIC, "--set", "crowds"), "--set crowds: wanted KEY=VALUE"),
        ((*SYMMETRIC, "--set", "crowds=["), "--set 'crowds=[', line 1: not valid YAML"),
        ((*SYMMETRIC, "--set", "a=1", "--set", "a=2"), "--set a=2: a is given twice"),
        ((*SYMMETRIC, "--spec", "spec.yaml"), "--spec says all of the noise: leave out --type"),
        ((*SYMMETRIC, "--predictions", "p"), "--predictions is not for symmetric noise"),
        ((*SYMMETRIC[:-1], 2**64), "a noise seed must be an integer from 0 to 2^64-1"),
        (("--spec", "none.yaml", "--seed", 1), "cannot read none.yaml"),
        (("--type", "confusion", "--seed", 1), "needs --predictions FILE"),
    ],
)
def test_bad_options_are_one_line_and_leave_nothing(make, here, options, message):
    done = make(*options)
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert list(here.iterdir()) == []


def test_bad_files_are_one_line_and_leave_nothing(call, make, clean, here, tmp_path):
    make(*SYMMETRIC, out=tmp_path / "noisy.json")
    noisy, manifest = tmp_path / "noisy.json", tmp_path / "noisy.manifest.json"
    cut = tmp_path / "cut.json"
    cut.write_bytes(noisy.read_bytes()[:1000])
    lone = shutil.copy(noisy, tmp_path / "lone.json")
    given = ("--annotations", clean, *SYMMETRIC, "--out")
    for words, message in (
        (("make", *given, clean), "would overwrite"),
        (("make", *given, tmp_path), "name a file that ends in .json"),
        (("make", *given, tmp_path / "x.txt"), "name a file that ends in .json"),
        (("make", "--annotations", cut, *SYMMETRIC, "--out", "x.json"), "not valid JSON"),
        (("make", "--annotations", "no.json", *SYMMETRIC, "--out", "x.json"), "No such file"),
        (("make", *given, f"{'x' * 300}.json"), "File name too long"),
        (("verify", cut, "--clean", clean), "cannot read the manifest"),
        (("apply", noisy, manifest, "--out", "x.json"), "is of a clean file with the SHA-256"),
        (("invert", clean, manifest, "--out", "x.json"), "is of a noisy file with the SHA-256"),
        (("diff", clean, cut), "not valid JSON"),
        (("report", lone), "has no manifest"),
        (("report", noisy, "--clean", noisy), "is of another file"),
        (("report", noisy, "--images", "none"), "is no folder"),
        (("report", noisy, "--out", noisy), "name a file that ends in .html"),
    ):
        done = call("noise", *words)
        assert (done.status, done.out) == (2, ""), words
        assert message in done.err
        assert done.err.count("\n") == 1
        assert list(here.iterdir()) == []


def test_diff_of_files_that_have_no_id_in_common_hints_at_iou(call, clean, here):
    after = load(SAMPLE)
    for entry in after["annotations"]:
        entry["id"] += 10**6
    (here / "re.json").write_text(json.dumps(after))
    shown = call("noise", "diff", clean, "re.json").out
    assert "0 matched by id" in shown
    assert "no annotation has the same id in both files, crowds aside: --match iou matches" in shown
    assert "--match iou" not in call("noise", "diff", clean, "re.json", "--match", "iou").out
    assert call("noise", "report", "re.json", "--clean", clean).status == 0
    assert "<code>--match iou</code>" in (here / "re_report.html").read_text()


def test_diff_of_a_renumbered_export_in_the_manner_of_lvis(call, clean, here):
    after = load(SAMPLE)
    new_id = {image["id"]: 7000 - place for place, image in enumerate(after["images"])}
    for image in after["images"]:
        url = f"http://images.cocodataset.org/train2017/{image.pop('file_name')}"
        image.update(id=new_id[image["id"]], coco_url=url)
    for entry in after["annotations"]:
        entry["image_id"] = new_id[entry["image_id"]]
        entry.pop("iscrowd")
    (here / "lvis.json").write_text(json.dumps(after))
    shown = call("noise", "diff", clean, "lvis.json").out
    assert "images: 20 of 20 matched by base name" in shown
    assert "class changed: 0; class noise rate 0.0 %" in shown
    for image in after["images"]:
        image["coco_url"] = ""
    (here / "nameless.json").write_text(json.dumps(after))
    assert "has no 'file_name'" in call("noise", "diff", clean, "nameless.json").err


def test_diff_tells_a_person_what_changed(make, call, clean):
    make(*SYMMETRIC)
    for match in ("id", "iou"):
        shown = call("noise", "diff", clean, "noisy.json", "--match", match)
        assert shown.status == 0
        assert f"matched by {match}; crowds not counted" in shown.out
        assert "images: 20 of 20 matched by id and file name" in shown.out
        assert "shape changed: 0" in shown.out
    changes = json.loads(call("noise", "diff", clean, "noisy.json", "--json").out)["class_changes"]
    first = changes[0]
    line = f"annotation {first['before_id']}: {first['before']} -> {first['after']}"
    assert line in call("noise", "diff", clean, "noisy.json").out


def test_report_with_another_clean_file_and_no_manifest(make, call, clean, here):
    make(*SYMMETRIC)
    (here / "noisy.manifest.json").unlink()
    assert call("noise", "report", "noisy.json", "--clean", clean, "--out", "r.html").status == 0
    assert "No manifest was given" in (here / "r.html").read_text()


def test_list_has_every_type_with_its_parameters_and_presets(call):
    entries = {entry["name"]: entry for entry in json.loads(call("noise", "list", "--json").out)}
    assert list(entries) == list(NOISE_TYPES)
    assert {"predictions", "annotations", "matrix"} <= entries["confusion"]["parameters"].keys()
    assert entries["scale"]["presets"]["mid"] == {"rate": 0.25, "kernel": 5}
    assert entries["symmetric"]["parameters"]["rate"]["required"]
    shown = call("noise", "list").out
    assert all(len(line) <= 100 for line in shown.splitlines())
    for name, kind in NOISE_TYPES.items():
        words = " ".join(shown.split())
        assert f"{name} ({kind.family.name}): {kind.summary}. {kind.source} " in words
        assert all(f"    {key}" in shown for key in kind.parameters)
        assert entries[name]["differs"] == kind.differs
        assert " ".join(kind.differs.split()) in " ".join(shown.split())
    assert max(len(line) for line in shown.splitlines() if "COCO-N's" in line) <= 100


def test_what_is_credited_to_a_benchmark_says_in_what_it_differs():
    """Known from the sources' scripts: of these, none makes what the source makes."""
    benchmarks = ("COCO-N", "UNA", "OA-MIL")
    credited = [kind for kind in NOISE_TYPES.values() if kind.source.startswith(benchmarks)]
    assert {kind.name for kind in credited} == {
        *("superclass-uniform", "scale", "boundary", "approximation"),
        *("box-jitter", "missing", "bogus"),
    }
    assert all(kind.differs for kind in credited)
    assert all(kind.differs for kind in NOISE_TYPES.values() if kind.presets)
    for name in ("approximation", "superclass-uniform"):
        assert "These presets are not COCO-N's noise." in NOISE_TYPES[name].differs


def test_no_file_that_is_read_is_written_over(call, clean, tmp_path):
    spec = tmp_path / "spec.json"
    spec.write_text("{type: symmetric, rate: 0.4}")
    matrix = tmp_path / "matrix.json"
    matrix.write_text("cat,dog")
    for words in (
        ("--spec", spec, "--seed", 1, "--out", spec),
        ("--type", "matrix", "--matrix", matrix, "--seed", 1, "--out", matrix),
        ("--spec", tmp_path / "a.manifest.json", "--seed", 1, "--out", tmp_path / "a.json"),
    ):
        before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
        done = call("noise", "make", "--annotations", clean, *words)
        assert done.status == 2
        assert "would overwrite" in done.err or "cannot read" in done.err
        assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_a_device_is_never_replaced(call, clean, tmp_path):
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    done = call("noise", "make", "--annotations", clean, *SYMMETRIC, "--out", pipe)
    assert (done.status, done.out) == (2, "")
    assert "a folder or a device is there" in done.err
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize(
    "value", ["!!bool foo", "!!timestamp foo", '!!float ""', "&a [*a]", "[" * 3000]
)
def test_odd_yaml_is_one_line(call, clean, tmp_path, value):
    spec = tmp_path / "spec.yaml"
    spec.write_text(f"type: symmetric\nrate: {value}\n")
    for words in (
        ("--spec", spec, "--seed", 1),
        ("--type", "symmetric", "--set", f"rate={value}", "--seed", 1),
        ("--type", "asymmetric", "--rate", 0.4, "--map", spec, "--seed", 1),
    ):
        done = call("noise", "make", "--annotations", clean, *words, "--out", tmp_path / "x.json")
        assert (done.status, done.out) == (2, "")
        assert done.err.count("\n") == 1
        assert len(done.err) < 700
    assert not (tmp_path / "x.json").exists()


def test_diff_of_few_matches_says_so(call, tmp_path):
    boxes = [[10 * n, 0, 8, 8] for n in range(4)]
    moved = [boxes[0], *([x + 1, 60, w, h] for x, _, w, h in boxes[1:])]
    for name, places in (("before", boxes), ("after", moved)):
        document = {
            "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 100}],
            "annotations": [
                {"id": n, "image_id": 1, "category_id": 1, "bbox": box, "area": 64}
                for n, box in enumerate(places)
            ],
            "categories": [{"id": 1, "name": "cat"}],
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    files = [tmp_path / f"{name}.json" for name in ("before", "after")]
    done = call("noise", "diff", *files, "--match", "iou")
    assert done.status == 0
    assert "4 before, 4 after; 1 matched by iou" in done.out
    assert "less than half of them were matched" in done.out
