import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from noisyseg.annotation_files.document import (
    encode_annotations,
    parse_annotations,
    read_annotations,
    write_annotations,
)
from noisyseg.errors import InputError
from noisyseg.noise.corrupt import corrupt
from noisyseg.noise.files.noisy_files import refuse_overwrite, write_noisy
from noisyseg.noise.spec import NoiseSpec, make_step

ROOT = Path(__file__).parents[3]
NAMES = ["cat", "dog", "cow"]
SYMMETRIC = make_step("symmetric", classes=NAMES, rate=0.4)
SPEC = NoiseSpec(steps=(SYMMETRIC,), seed=1)
PROGRAM = """
import sys
from pathlib import Path
from noisyseg.noise.files.noisy_files import write_noisy
from noisyseg.noise.spec import NoiseSpec, parse_steps
steps = parse_steps([{"type": "symmetric", "rate": 0.4},
                     {"type": "asymmetric", "rate": 0.5, "map": {"cow": "cat", "dog": "cow"}}],
                    ["cat", "dog", "cow"], "here")
write_noisy(Path(sys.argv[1]), Path(sys.argv[2]), NoiseSpec(steps=steps, seed=1))
"""


@pytest.fixture
def clean(make_document, tmp_path):
    path = tmp_path / "clean.json"
    write_annotations(path, make_document(NAMES, per_class=50, crowds=3))
    return path


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def contents(files):
    return [path.read_bytes() for path in files]


def test_the_pair_belongs_together(clean, tmp_path):
    before = clean.read_bytes()
    files = write_noisy(clean, tmp_path / "a" / "b", SPEC)
    assert files == (
        tmp_path / "a" / "b" / "annotations.json",
        tmp_path / "a" / "b" / "manifest.json",
    )
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == [
        "annotations.json",
        "manifest.json",
    ]
    assert clean.read_bytes() == before
    manifest = json.loads(files.manifest.read_bytes())
    assert manifest["clean_sha256"] == sha256(clean)
    assert manifest["noisy_sha256"] == sha256(files.annotations)
    assert manifest["spec"] == SPEC.resolved()
    old = {entry["id"]: entry["category_id"] for entry in read_annotations(clean)["annotations"]}
    for was, now, numbers in manifest["changes"]["classes"]:
        for number in numbers:
            assert old[number] == was
            old[number] = now
    new = read_annotations(files.annotations)["annotations"]
    assert {entry["id"]: entry["category_id"] for entry in new} == old
    assert manifest["changes"]["classes"]


def test_the_manifest_has_the_documented_keys_and_names_no_place(clean, tmp_path):
    text = write_noisy(clean, tmp_path / "out", SPEC).manifest.read_text(encoding="utf-8")
    assert set(json.loads(text)) == {
        "format",
        "spec",
        "writer",
        "clean_sha256",
        "noisy_sha256",
        "clean_document_sha256",
        "annotations",
        "classes",
        "counts",
        "changes",
        "steps",
    }
    assert str(tmp_path) not in text


def test_two_processes_write_the_same_bytes(clean, tmp_path):
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder, hash_seed in zip(folders, ["1", "2"], strict=True):
        subprocess.run(
            [sys.executable, "-c", PROGRAM, str(clean), str(folder)],
            cwd=ROOT,
            env={"PYTHONHASHSEED": hash_seed, "PATH": ""},
            check=True,
        )
    for name in ("annotations.json", "manifest.json"):
        first, second = (folder / name for folder in folders)
        assert first.read_bytes() == second.read_bytes()


def test_a_verified_pair_is_reused(clean, tmp_path):
    files = write_noisy(clean, tmp_path / "out", SPEC)
    inodes = [path.stat().st_ino for path in files]
    assert write_noisy(clean, tmp_path / "out", SPEC) == files
    assert [path.stat().st_ino for path in files] == inodes  # a rewrite replaces the file


@pytest.mark.parametrize("which", ["annotations", "manifest"])
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.unlink(), id="missing"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-20]), id="torn"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(b"[]"), id="something else"),
    ],
)
def test_a_damaged_pair_is_written_anew(which, damage, clean, tmp_path):
    files = write_noisy(clean, tmp_path / "out", SPEC)
    whole = contents(files)
    damage(getattr(files, which))
    write_noisy(clean, tmp_path / "out", SPEC)
    assert contents(files) == whole


def test_edited_annotations_are_written_anew(clean, tmp_path):
    files = write_noisy(clean, tmp_path / "out", SPEC)
    whole = contents(files)
    files.annotations.write_bytes(whole[0].replace(b'"cat"', b'"hen"'))
    assert contents(files) != whole
    assert contents(write_noisy(clean, tmp_path / "out", SPEC)) == whole


@pytest.mark.parametrize("key", ["format", "spec", "clean_sha256", "noisy_sha256"])
@pytest.mark.parametrize("value", [None, "absent"])
def test_a_manifest_that_does_not_match_is_written_anew(key, value, clean, tmp_path):
    files = write_noisy(clean, tmp_path / "out", SPEC)
    whole = contents(files)
    manifest = json.loads(whole[1]) | {key: value}
    if value == "absent":
        del manifest[key]
    files.manifest.write_text(json.dumps(manifest), encoding="utf-8")
    assert contents(write_noisy(clean, tmp_path / "out", SPEC)) == whole


def test_another_spec_or_clean_file_is_written_anew(clean, make_document, tmp_path):
    out = tmp_path / "out"
    first = contents(write_noisy(clean, out, SPEC))
    other_seed = NoiseSpec(steps=SPEC.steps, seed=2)
    second = contents(write_noisy(clean, out, other_seed))
    assert second[0] != first[0]
    assert second == contents(write_noisy(clean, tmp_path / "fresh", other_seed))
    write_annotations(clean, make_document(NAMES, per_class=20))
    third = contents(write_noisy(clean, out, other_seed))
    assert third == contents(write_noisy(clean, tmp_path / "fresh2", other_seed))
    assert third[0] != second[0]


def test_a_crash_between_the_files_is_not_taken_for_done(clean, tmp_path, monkeypatch):
    out = tmp_path / "out"
    write_noisy(clean, out, SPEC)
    other = NoiseSpec(steps=SPEC.steps, seed=2)
    whole_move = os.replace

    def dies_at_the_manifest(temporary, path):
        if path.name == "manifest.json":
            raise KeyboardInterrupt
        whole_move(temporary, path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", dies_at_the_manifest)
        with pytest.raises(KeyboardInterrupt):
            write_noisy(clean, out, other)
    assert json.loads((out / "manifest.json").read_bytes())["spec"]["seed"] == 1
    for spec in (SPEC, other):
        files = write_noisy(clean, out, spec)
        assert contents(files) == contents(write_noisy(clean, tmp_path / str(spec.seed), spec))


def test_unusable_clean_files_leave_nothing_behind(clean, tmp_path):
    with pytest.raises(InputError, match=r"gone\.json"):
        write_noisy(tmp_path / "gone.json", tmp_path / "out", SPEC)
    clean.write_bytes(clean.read_bytes()[:100])
    with pytest.raises(InputError, match=r"clean\.json: not valid JSON"):
        write_noisy(clean, tmp_path / "out", SPEC)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["annotations.json", "manifest.json"])
def test_the_clean_file_is_never_overwritten(name, clean, tmp_path):
    data = clean.read_bytes()
    clean = clean.rename(tmp_path / name)
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    for folder in (tmp_path, link):
        with pytest.raises(InputError, match="overwrite the clean annotations"):
            write_noisy(clean, folder, SPEC)
    assert clean.read_bytes() == data


def test_any_link_to_an_input_is_known(tmp_path):
    one = tmp_path / "one.json"
    one.write_text("{}", encoding="utf-8")
    (tmp_path / "soft.json").symlink_to(one)
    (tmp_path / "hard.json").hardlink_to(one)
    for output in ("one.json", "soft.json", "hard.json", "folder/../one.json"):
        with pytest.raises(InputError, match=r"would overwrite the thing .*one\.json"):
            refuse_overwrite([tmp_path / "new.json", tmp_path / output], {"thing": one})
    refuse_overwrite([tmp_path / "new.json"], {"thing": one, "other": tmp_path / "gone.json"})


def as_coco(document):
    return json.dumps(document)


def replaced(old, new):
    return lambda document: json.dumps(document).replace(old, new)


def changed(change):
    def text(document):
        change(document)
        return json.dumps(document)

    return text


FAST = {
    "as COCO": as_coco,
    "compact": lambda document: json.dumps(document, separators=(",", ":")),
    "pretty": lambda document: json.dumps(document, indent=2),
    "line ends of Windows": lambda document: json.dumps(document, indent=2).replace("\n", "\r\n"),
    "unicode": replaced("made for", "é漢😀 for"),
    "escapes": replaced("made for", '\\"category_id\\": 3, \\u00e9 \\/'),
    "an annotation with more": changed(lambda d: d["annotations"][0].update(attributes={"a": 1})),
    "line end at the end": lambda document: json.dumps(document) + "\n",
    "crowd as true": changed(lambda d: d["annotations"][-1].update(iscrowd=True)),
    "crowd as false": changed(lambda d: d["annotations"][0].update(iscrowd=False)),
    "crowds as booleans": changed(
        lambda d: [entry.update(iscrowd=bool(entry["iscrowd"])) for entry in d["annotations"]]
    ),
    "crowds as fractions": changed(
        lambda d: [entry.update(iscrowd=float(entry["iscrowd"])) for entry in d["annotations"]]
    ),
    "crowd as minus zero": changed(lambda d: d["annotations"][0].update(iscrowd=-0.0)),
}
SLOW = {
    "nested key": changed(lambda d: d["annotations"][4].update(attributes={"category_id": 13})),
    "key in info": changed(lambda d: d["info"].update(category_id=3)),
    "key in an image": changed(lambda d: d["images"][0].update(category_id=3)),
    "key as a text": changed(lambda d: d["info"].update(key="category_id")),
    "escaped keys": replaced("category_id", "c\\u0061tegory_id"),
    "one escaped key": lambda d: json.dumps(d).replace("category_id", "category\\u005Fid", 1),
    "a key twice": lambda d: json.dumps(d).replace(
        '"category_id"', '"category_id": 13, "category_id"', 1
    ),
}


@pytest.mark.parametrize("text", [*FAST.values(), *SLOW.values()], ids=[*FAST, *SLOW])
def test_every_layout_gets_the_same_annotations(text, make_document, tmp_path):
    data = text(make_document(NAMES, per_class=40, crowds=3)).encode()
    path = tmp_path / "clean.json"
    path.write_bytes(data)
    spec = NoiseSpec(steps=(SYMMETRIC, SYMMETRIC), seed=3)
    expected, wanted = corrupt(parse_annotations(data, "here"), spec)
    files = write_noisy(path, tmp_path / "out", spec)
    noisy = files.annotations.read_bytes()
    assert json.loads(noisy) == expected
    fast = text in FAST.values()
    manifest = json.loads(files.manifest.read_bytes())
    assert manifest.pop("writer") == ("digits" if fast else "document")
    assert manifest.pop("clean_sha256") == hashlib.sha256(data).hexdigest()
    assert manifest.pop("noisy_sha256") == hashlib.sha256(noisy).hexdigest()
    content = orjson.dumps(json.loads(data), option=orjson.OPT_SORT_KEYS)
    stated = manifest.pop("clean_document_sha256")
    assert stated == (None if fast else hashlib.sha256(content).hexdigest())
    assert manifest == json.loads(json.dumps(wanted))
    if not fast:
        assert noisy == encode_annotations(expected)


DIGITS = re.compile(rb'("category_id"\s*:\s*)\d+')


@pytest.mark.parametrize("text", FAST.values(), ids=FAST)
def test_only_digits_of_category_ids_change(text, make_document, tmp_path):
    data = text(make_document(NAMES, per_class=40)).encode()
    (tmp_path / "clean.json").write_bytes(data)
    noisy = write_noisy(tmp_path / "clean.json", tmp_path / "out", SPEC).annotations.read_bytes()
    assert noisy != data
    assert DIGITS.sub(rb"\1", noisy) == DIGITS.sub(rb"\1", data)


@pytest.mark.parametrize("text", [*FAST.values(), *SLOW.values()], ids=[*FAST, *SLOW])
def test_noise_that_changes_nothing_changes_no_byte(text, make_document, tmp_path):
    data = text(make_document(NAMES, per_class=10)).encode()
    (tmp_path / "clean.json").write_bytes(data)
    nothing = NoiseSpec(steps=(make_step("symmetric", classes=NAMES, rate=0.0),), seed=1)
    files = write_noisy(tmp_path / "clean.json", tmp_path / "out", nothing)
    assert files.annotations.read_bytes() == data
    assert json.loads(files.manifest.read_bytes())["writer"] == "digits"


UNUSABLE = {
    "a mark at the start": lambda d: "\ufeff" + json.dumps(d),
    "a fraction": replaced('"category_id": 3', '"category_id": 3.0'),
    "an id twice": changed(lambda d: d["annotations"][0].update(id=d["annotations"][1]["id"])),
    "a text as id": changed(lambda d: d["annotations"][0].update(id="1")),
    "no class": changed(lambda d: d["annotations"][0].update(category_id=99)),
    "a list": lambda d: "[]",
    "nothing": lambda d: "",
}


@pytest.mark.parametrize("text", UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_files_are_refused_with_their_name(text, make_document, tmp_path):
    path = tmp_path / "clean.json"
    path.write_text(text(make_document(NAMES, per_class=10)), encoding="utf-8")
    with pytest.raises(InputError, match=r"clean\.json: "):
        write_noisy(path, tmp_path / "out", SPEC)
    assert list(tmp_path.iterdir()) == [path]
