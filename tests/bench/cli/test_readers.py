"""Commands that read a store: they write nothing into it, and need nothing but its records."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from noisyseg.bench.cluster.scheduler import Done
from noisyseg.bench.config.shipped import read_suite, shipped_names
from noisyseg.files import sha256_file
from noisyseg.results.records.record import seal
from noisyseg.results.records.store import RunStore

SUITE_READERS = {
    "table": ("table",),
    "also": ("table", "--also", "memorised,touched.AP"),
    "match": ("match",),
    "power": ("power", "--draws", "0"),
    "figures": ("figures",),
    "report": ("report",),
}
EPOCHS = 2  # of the protocol `smoke`
BLOCKED = ("torch", "torchvision", "mmdet", "mmcv", "mmengine", "ray")
PROGRAM = f"""
import sys
for name in {BLOCKED}:
    sys.modules[name] = None
from noisyseg.bench.cli.command_line import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def recorded(toy, tmp_path, record_of):
    """The store's folder: two seeds of the toy's runs, done, as `run` leaves them."""
    toy.suite |= {"published": "table1", "seeds": [0, 1]}
    toy.write()
    out = tmp_path / "runs"
    store = RunStore(out)
    for number, run in enumerate(toy.expand(out)):
        checksums = dict.fromkeys(("manifest", "predictions", "log", "noisy_annotations"))
        if run.manifest is not None:
            checksums["manifest"] = sha256_file(run.manifest)
        store.save(resealed(record_of(run, 30.0 + number), checksums=checksums))
        lines = (f'{{"epoch": {epoch}, "loss": 1.0}}\n' for epoch in range(EPOCHS))
        (run.folder / "log.jsonl").write_text("".join(lines))
        if run.manifest is not None:
            shutil.copy(run.manifest, run.folder / "manifest.json")
    return out


@pytest.fixture
def without_data(toy):
    """The suite's file, all else of it gone."""

    def make():
        for split in ("train", "eval"):
            (toy.root / f"{split}.json").unlink()
            shutil.rmtree(toy.root / split)
        return toy.file

    return make


def snapshot(root):
    """Every file and folder below a folder: name, size, time of its last change, bytes."""
    found = {}
    for path in sorted(root.rglob("*")):
        about = path.stat()
        content = path.read_bytes() if path.is_file() else None
        found[path.relative_to(root)] = (about.st_size, about.st_mtime_ns, about.st_mode, content)
    return found


def resealed(record, **changes):
    fields = {k: v for k, v in record.items() if k not in ("format", "key", "checksum")}
    return seal({**fields, **changes})


# Nothing is written


@pytest.mark.parametrize("name", [*SUITE_READERS, "compare", "plan", "status", "evaluate"])
def test_a_reader_changes_nothing_in_a_store(call, toy, recorded, tmp_path, name):
    spoiled = toy.expand(recorded)[0].folder
    (spoiled / "record.json").write_text("{")
    lists = {"status": ("status",), "evaluate": ("evaluate", spoiled)}
    words = lists.get(name) or (*SUITE_READERS.get(name, (name,)), toy.file)
    before = snapshot(recorded)
    done = call(*words, *(() if name == "evaluate" else ("--out", recorded)))
    assert snapshot(recorded) == before
    assert done.status == (2 if name in ("compare", "evaluate") else 1 if name == "figures" else 0)
    assert name == "plan" or "not a valid record" in " ".join(done.err.split())
    made = {"figures": ["toy-figures"], "report": ["toy.html"]}
    assert [path.name for path in Path().iterdir()] == made.get(name, [])
    assert not (tmp_path / "cache" / "noisyseg").exists()


@pytest.mark.parametrize(
    "words",
    [
        "suite list",
        "suite show quick",
        "methods list",
        "methods show ce",
        "noise list",
        "data list",
    ],
)
def test_a_listing_writes_nothing(call, tmp_path, words):
    assert call(*words.split()).status == 0
    assert list(Path().iterdir()) == []
    assert not (tmp_path / "cache" / "noisyseg").exists()


@pytest.mark.parametrize("name", [*SUITE_READERS, "compare", "status"])
def test_a_store_that_is_not_there_is_not_made(call, toy, tmp_path, name):
    words = SUITE_READERS.get(name, (name,))
    suite = () if name == "status" else (toy.file,)
    done = call(*words, *suite, "--out", tmp_path / "typo")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        f"error: no such store: {tmp_path / 'typo'}. `noisyseg run` makes one; where it lies "
        "elsewhere, name that folder.\n"
    )
    assert not (tmp_path / "typo").exists()
    assert list(Path().iterdir()) == []


# Records alone


@pytest.mark.parametrize("name", [*SUITE_READERS])
def test_records_alone_tell_the_same_as_with_the_data(call, recorded, toy, without_data, name):
    words = (*SUITE_READERS[name], toy.file, "--out", recorded)
    with_data = call(*words)
    assert with_data.status == 0, with_data.err
    files = snapshot(Path())
    for path in Path().iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    without_data()
    shutil.rmtree(recorded / ".annotations")
    alone = call(*words)
    assert alone == with_data
    kept = {path: about[3] for path, about in files.items()}
    assert {path: about[3] for path, about in snapshot(Path()).items()} == kept


@pytest.mark.parametrize("name", [*SUITE_READERS])
def test_nothing_that_trains_is_imported(recorded, toy, without_data, tmp_path, name):
    without_data()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *SUITE_READERS[name], toy.file, "--out", recorded],
        cwd=tmp_path,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "TORCH_HOME": "nowhere"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_weights_need_not_be_there_either(call, toy, recorded, record_of):
    """A suite with pretrained weights; the records of its runs have their checksum."""
    toy.suite["model"] = {"extends": "mask-rcnn-tiny", "weights": "gone.pth"}
    toy.write()
    store = RunStore(recorded)
    for path in list(recorded.glob("*/*/*/record.json")):
        record = store.load(path.parent.name)
        model = {**record["spec"]["model"], "weights_sha256": "a" * 64}
        shutil.rmtree(path.parent)
        store.save(resealed(record, spec={**record["spec"], "model": model}))
    done = call("table", toy.file, "--out", recorded)
    assert done.status == 0
    assert "| ce | 32.0 ± 2.8 (n=2)" in done.out


def test_two_versions_of_the_data_are_asked_for(call, toy, recorded, record_of, without_data):
    store = RunStore(recorded)
    older = json.loads(call("status", "--out", recorded, "--json").out)["runs"]
    toy.documents["train"]["info"] = {"description": "corrected"}
    toy.write()
    for run in toy.expand(recorded):
        store.save(record_of(run, 50.0))
    # With the data at hand it is those that are there.
    with_data = call("table", toy.file, "--out", recorded)
    assert "| ce | 50.0 ± 0.0 (n=2)" in with_data.out
    assert f"left out: {len(older)} records in" in with_data.err
    without_data()
    asked = call("table", toy.file, "--out", recorded)
    assert (asked.status, asked.out) == (2, "")
    assert "the store has runs of 2 versions of its data or weights" in asked.err
    assert "--content" in asked.err
    lines = [line.split() for line in asked.err.splitlines() if "records of toy" in line]
    digests = [line[0].rstrip(":") for line in lines]
    assert [line[1] for line in lines] == ["8", "8"]
    answers = {
        call("table", toy.file, "--out", recorded, "--content", digest[:6]).out
        for digest in digests
    }
    assert len(answers) == 2
    assert with_data.out in answers
    none = call("table", toy.file, "--out", recorded, "--content", "x")
    assert (none.status, none.out) == (2, "")
    assert "--content x: wanted how the checksum of one of these begins" in none.err


def test_of_two_versions_the_one_that_was_run_last_counts(
    call, toy, recorded, record_of, without_data, monkeypatch
):
    toy.documents["train"]["info"] = {"description": "corrected"}
    toy.write()
    for run in toy.expand(recorded):
        RunStore(recorded).save(record_of(run, 50.0))
    assert call("run", toy.file, "--out", recorded).status == 0  # nothing to train
    without_data()
    done = call("table", toy.file, "--out", recorded)
    assert "| ce | 50.0 ± 0.0 (n=2)" in done.out
    assert "left out: 8 records in" in done.err
    assert "another data (toy, version 2)" in done.err


def test_the_papers_numbers_need_no_record_at_all(call):
    done = call("table", "paper-table2-coco")
    assert done.status == 0
    assert "| ce | —; paper 34.2 | —; paper 31.3 |" in done.out
    assert done.out.endswith("\n0 of 21 runs done; waiting: every cell.\n")
    assert "there is no store runs here" in done.err
    assert list(Path().iterdir()) == []


def test_a_note_of_other_keys_is_said(call, toy, recorded):
    assert call("run", toy.file, "--out", recorded).status == 0
    assert "others than" not in call("table", toy.file, "--out", recorded).err
    toy.documents["train"]["info"] = {"description": "corrected"}
    toy.write()
    done = call("table", toy.file, "--out", recorded)
    assert "8 of the suite's runs are others than the last `noisyseg run` noted" in done.err
    assert "0 of 8 runs done" in done.out


def test_records_of_another_protocol_alone_are_said(call, toy, recorded, without_data):
    toy.suite["protocol"] = "shapes-cpu"
    toy.write()
    without_data()
    done = call("table", toy.file, "--out", recorded)
    assert "0 of 8 runs done; waiting: every cell." in done.out
    assert "left out: all 8 records that" in done.err


# Nothing is left out silently


def test_all_seeds_count_and_what_is_left_out_is_said(call, toy, recorded):
    toy.suite["seeds"] = [0]
    toy.write()
    every = call("table", toy.file, "--out", recorded)
    assert "| ce | 32.0 ± 2.8 (n=2)" in every.out
    assert "left out" not in every.err
    one = call("table", toy.file, "--out", recorded, "--seeds", "1", "--noise", "sym40")
    assert one.out.startswith("## toy (sym40 alone; seed 1)\n")
    assert "(n=1)" in one.out
    assert one.err.splitlines() == ["left out by --noise: clean", "left out by --seeds: seed 0"]
    other = call("table", toy.file, "--out", recorded, "--methods", "ce")
    assert other.err == "left out by --methods: lncis\n"
    toy.suite["methods"] = ["ce"]
    toy.write()
    rest = call("table", toy.file, "--out", recorded)
    assert rest.err == "left out: lncis, which the store has, too: --methods names them\n"


def test_figures_say_in_one_line_what_waits(call, toy, recorded):
    toy.suite["seeds"] = [0, 1, 2, 3]
    toy.write()
    done = call("figures", toy.file, "--out", recorded)
    assert done.status == 0
    assert done.err.startswith("8 of 16 runs done; waiting: every cell at seeds 2, 3.\n")
    assert "not run" not in done.err


def test_no_shipped_title_counts_what_a_choice_leaves_out():
    for name in shipped_names("suite"):
        title = read_suite(name)["title"].lower()
        assert not re.search(r"\d+ methods|all methods|\d+ seeds", title), title


def test_a_partial_suite_says_which_cells_wait(call, toy, recorded):
    toy.suite["seeds"] = [0, 1, 2]
    toy.write()
    runs = toy.expand(recorded)
    shutil.rmtree(next(r for r in runs if r.label == "lncis · sym40 · seed 1").folder)
    done = call("table", toy.file, "--out", recorded)
    assert done.out.endswith(
        "\n7 of 12 runs done; waiting: lncis · sym40 at seeds 1, 2; ce, lncis · clean at seed 2.\n"
    )


@pytest.mark.parametrize(
    "words", [("--methods", "ce"), ("--noise", "sym40"), ("--seeds", "0"), ()], ids=str
)
def test_run_leaves_the_whole_suites_table(call, toy, recorded, words):
    whole = call("table", toy.file, "--out", recorded).out
    done = call("run", toy.file, "--out", recorded, *words)
    assert done.status == 0
    assert (recorded / "tables" / "toy.md").read_text() == whole
    assert (done.out == whole) == (not words)
    what = "table of the whole suite" if words else "table"
    assert f"{what} written to" in done.err
    assert len(list((recorded / "tables").iterdir())) == 1


def test_the_table_that_run_leaves_keeps_methods_that_ran_before(
    call, toy, recorded, record_of, monkeypatch
):
    def run_all(runs, store, settings, display, check):
        check()
        for run in runs:
            store.save(record_of(run, 77.0))
        return Done(records={run.key: store.load(run.spec) for run in runs})

    monkeypatch.setattr("noisyseg.bench.cluster.scheduler.run_all", run_all)
    assert call("run", toy.file, "--out", recorded, "--methods", "gce", "--seeds", "0").status == 0
    assert call("run", toy.file, "--out", recorded, "--methods", "ce").status == 0
    left = (recorded / "tables" / "toy.md").read_text()
    assert "| gce | 77.0 (n=1)" in left
    assert "| lncis | 33.0 ± 2.8 (n=2)" in left
    assert "10 of 12 runs done; waiting: gce at seed 1." in left
