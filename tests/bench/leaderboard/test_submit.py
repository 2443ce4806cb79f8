"""`leaderboard submit`: a store's runs and a card into a bundle, or what is wrong with each run."""

import json
import os
import shutil
import statistics
import zipfile

import pytest
import yaml

from noisyseg.bench.config.suite import Choices, load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.leaderboard.contents import MEMBER, parse_contents, parse_suite
from noisyseg.bench.runs.grid import expand
from noisyseg.files import sha256_bytes, sha256_file
from noisyseg.methods.registry import methods_of_files
from noisyseg.results.leaderboard.card import parse_card, read_card
from noisyseg.results.records.store import RunStore

# What a run of the toy suite's two settings and two seeds has.
RECORDED = ("record.json", "predictions.json.zst", "log.jsonl")


@pytest.fixture(autouse=True)
def two_seeds(toy):
    toy.suite["seeds"] = [0, 1]
    toy.write()


@pytest.fixture
def submit(call, toy, tmp_path):
    """Calls the command; what it wrote, if anything, lies in b.zip."""

    def make(out, card, *more):
        path = tmp_path / "b.zip"
        path.unlink(missing_ok=True)
        words = ("leaderboard", "submit", out, "--suite", toy.file, "--card", card)
        done = call(*words, "--out", path, *more)
        assert path.exists() == (done.status == 0)
        assert done.status in (0, 2)
        return done, path

    return make


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def of(runs, method="lncis"):
    return [run for run in runs if run.method_label == method]


def test_a_bundle_holds_a_methods_runs_and_what_they_come_to(trained, card, submit):
    out, runs = trained()
    done, path = submit(out, card(runs))
    assert done.status == 0, done.err
    files = members(path)
    assert all(MEMBER.fullmatch(name) for name in files)
    contents = parse_contents(files["bundle.json"])
    assert (contents.suite, contents.method, contents.kind) == ("toy", "lncis", "trained")
    own = {run.key: run for run in of(runs)}
    assert len(own) == 4
    cells = [(run.noise, run.noise_seed, run.train_seed) for run in contents.runs]
    assert cells == [("clean", None, 0), ("clean", None, 1), ("sym40", 0, 0), ("sym40", 1, 1)]
    for entry in contents.runs:
        run = own[entry.key]
        assert (run.noise_label, run.noise_seed, run.seed) == (
            entry.noise,
            entry.noise_seed,
            entry.train_seed,
        )
        for name in (*RECORDED, *(["manifest.json"] if run.noise_seed is not None else [])):
            assert files.pop(f"runs/{run.key}/{name}") == (run.folder / name).read_bytes()
    assert files.keys() == {"bundle.json", "card.json", "suite.json"}
    assert parse_card(files["card.json"], "card.json") == read_card(card(runs))
    listed = {name: (entry.bytes, entry.sha256) for name, entry in contents.files.items()}
    for name, data in members(path).items():
        if name != "bundle.json":
            assert listed.pop(name) == (len(data), sha256_bytes(data))
    assert listed == {}


def test_claims_are_means_and_deviations_of_the_records(trained, card, submit):
    out, runs = trained()
    _, path = submit(out, card(runs))
    claims = parse_contents(members(path)["bundle.json"]).claims
    assert claims.keys() == {"clean", "sym40"}
    for label, found in claims.items():
        values = [
            json.loads((run.folder / "record.json").read_bytes())["metrics"]["segm"]["AP"]
            for run in of(runs)
            if run.noise_label == label
        ]
        assert found.keys() == {"segm.AP"}  # the only number that these records have
        assert found["segm.AP"].n == 2
        assert found["segm.AP"].mean == pytest.approx(statistics.mean(values), abs=1e-12)
        assert found["segm.AP"].sd == pytest.approx(statistics.stdev(values), abs=1e-12)


def test_the_suite_travels_as_the_specs_say_it(trained, card, submit):
    out, runs = trained()
    _, path = submit(out, card(runs))
    suite = parse_suite(members(path)["suite.json"])
    spec = next(run for run in of(runs) if run.noise_seed == 1).spec
    for part in ("data", "protocol", "model", "method"):
        assert getattr(suite, part) == spec[part]
    assert suite.noise == {"clean": None, "sym40": spec["noise"]["steps"]}
    assert (suite.versions.schema, suite.versions.eval) == (spec["schema"], spec["eval"])
    assert suite.data["classes"] == ["fox", "cat", "dog"]


def test_the_same_runs_give_the_same_bytes_anywhere(trained, card, submit, tmp_path):
    """In another folder, written in another order at another time, by another user's umask."""
    out, runs = trained()
    first = submit(out, card(runs))[1].read_bytes()
    before = os.umask(0o077)
    try:
        shutil.copytree(out, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    finally:
        os.umask(before)
    for place, folder in enumerate(sorted((tmp_path / "elsewhere").rglob("*"), reverse=True)):
        os.utime(folder, (10**9 + place, 10**9 + place))
    assert submit(tmp_path / "elsewhere", card(runs))[1].read_bytes() == first
    other, _ = trained("other", turned=True)
    assert submit(other, card(runs))[1].read_bytes() == first


def test_without_data_the_bundle_is_the_same(trained, card, submit, toy):
    out, runs = trained()
    first = submit(out, card(runs))[1].read_bytes()
    shutil.rmtree(toy.root / "train")
    (toy.root / "train.json").unlink()
    done, path = submit(out, card(runs))
    assert done.status == 0, done.err
    assert path.read_bytes() == first


def test_part_of_a_suite_is_chosen(trained, card, submit):
    out, runs = trained()
    done, path = submit(out, card(runs), "--noise", "sym40", "--seeds", "1")
    assert done.status == 0
    contents = parse_contents(members(path)["bundle.json"])
    assert [(run.noise, run.train_seed) for run in contents.runs] == [("sym40", 1)]
    assert contents.claims["sym40"]["segm.AP"].sd is None
    assert "sym40: seed 1" in done.out
    assert "provisional" in done.out


def test_all_seeds_of_the_store_count(trained, card, submit, toy):
    toy.suite["seeds"] = [0, 1, 4]
    toy.write()
    out, runs = trained()
    toy.suite["seeds"] = [0, 1]
    toy.write()
    done, path = submit(out, card(runs))
    assert done.status == 0, done.err
    contents = parse_contents(members(path)["bundle.json"])
    assert [run.train_seed for run in contents.runs] == [0, 1, 4, 0, 1, 4]
    assert "seeds 0, 1, 4" in done.out
    assert "provisional" not in done.out


def test_every_run_that_is_not_there_is_named(trained, card, submit, finish):
    out, runs = trained()
    gone, failed, *_ = of(runs)
    shutil.rmtree(gone.folder)
    finish(
        failed,
        RunStore(out),
        status="failed",
        metrics=None,
        failure={"type": "RuntimeError", "message": "no memory", "log": None},
    )
    done, _ = submit(out, card(runs))
    assert done.status == 2
    assert f"{gone.noise_label}, seed {gone.seed} ({gone.key}): missing" in done.err
    assert f"{failed.noise_label}, seed {failed.seed} ({failed.key}): failed" in done.err
    assert f"toy.yaml --methods lncis --out {out}`" in done.err


def test_a_seed_that_one_setting_lacks_is_named(trained, card, submit, toy, finish):
    out, runs = trained()
    toy.suite["seeds"] = [0, 1, 2]
    toy.write()
    more = [run for run in of(toy.expand(out)) if run.seed == 2 and run.noise_seed is not None]
    for run in more:
        finish(run, RunStore(out))
    toy.suite["seeds"] = [0, 1]
    toy.write()
    done, _ = submit(out, card(runs))
    assert done.status == 2
    assert "clean, seed 2: missing, another setting has it" in done.err
    assert submit(out, card(runs), "--seeds", "0,1")[0].status == 0
    done, _ = submit(out, card(runs), "--seeds", "0,7")
    assert done.err.count("seed 7 (") == 2
    assert f"--methods lncis --out {out} --seeds 0,7`" in done.err


def test_a_store_without_the_method_says_how_to_train_it(trained, card, submit, call, tmp_path):
    _, runs = trained()
    done, _ = submit(tmp_path / "none", card(runs))
    assert "no such store" in done.err
    (tmp_path / "empty").mkdir()
    done, _ = submit(tmp_path / "empty", card(runs))
    assert done.err.count("missing, it was not run") == 4
    card_of = card(runs)
    paper = call(
        *("leaderboard", "submit", tmp_path / "empty", "--suite", "paper-table1-voc"),
        *("--card", card_of, "--out", tmp_path / "p.zip"),
    )
    assert paper.status == 2
    assert "has no run of lncis of paper-table1-voc: `noisyseg run paper-table1-voc" in paper.err


@pytest.mark.parametrize("name", ["predictions.json.zst", "log.jsonl", "manifest.json"])
@pytest.mark.parametrize("harm", ["cut", "gone"])
def test_damaged_files_are_named(trained, card, submit, name, harm):
    out, runs = trained()
    path = of(runs)[-1].folder / name
    assert of(runs)[-1].noise_seed == 1
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.unlink()
    done, _ = submit(out, card(runs))
    assert done.status == 2
    reason = "is not what its record says" if harm == "cut" else "is not there"
    assert f"{path} {reason}" in done.err


def test_a_log_that_its_readers_would_refuse_is_named(trained, card, submit, finish):
    out, runs = trained()
    run = of(runs)[0]
    log = run.folder / "log.jsonl"
    log.write_text('{"epoch": 1, "loss": NaN}\n')
    record = RunStore(out).load(run.spec)
    finish(run, RunStore(out), checksums={**record["checksums"], "log": sha256_file(log)})
    log.write_text('{"epoch": 1, "loss": NaN}\n')
    done, _ = submit(out, card(runs))
    assert done.status == 2
    assert f"{run.key}/log.jsonl, line 1: not valid JSON" in done.err


def test_pairs_of_seeds(trained, card, submit, toy, finish):
    """Two noise seeds with two train seeds: four noisy runs and two clean ones."""
    out, runs = trained()
    suite = load_suite(str(toy.file), data_root=None, cache=toy.root / "cache")
    crossed = choose(suite, methods=["lncis"], noise_seeds=[0, 1], train_seeds=[0, 1])
    for run in expand(crossed, RunStore(out)):
        finish(run, RunStore(out))
    done, path = submit(out, card(runs))
    assert done.status == 0, done.err
    cells = [
        (run.noise_seed, run.train_seed)
        for run in parse_contents(members(path)["bundle.json"]).runs
    ]
    assert cells == [(None, 0), (None, 1), (0, 0), (0, 1), (1, 0), (1, 1)]


def test_a_record_that_was_changed_is_named(trained, card, submit):
    out, runs = trained()
    path = of(runs)[0].folder / "record.json"
    path.write_text(path.read_text().replace("27.", "72.").replace("30.", "31."))
    done, _ = submit(out, card(runs))
    assert done.status == 2
    assert "it was changed after it was written" in done.err


def test_records_of_an_earlier_version_are_no_others(trained, card, submit, monkeypatch):
    out, runs = trained()
    later = {"version": 99}
    monkeypatch.setattr("noisyseg.bench.runs.grid.TRAINING", later)
    monkeypatch.setattr(
        "noisyseg.bench.runs.recorded_runs._VERSIONS",
        {"schema": 1, "training": later, "eval": runs[0].spec["eval"]},
    )
    done, _ = submit(out, card(runs))
    assert done.status == 2
    assert "missing" in done.err
    assert "but of another training" in done.err


def test_several_versions_of_the_data_must_be_told_apart(trained, card, submit, toy):
    out, runs = trained()
    toy.documents["eval"]["annotations"][0]["bbox"] = [2.0, 1.0, 7.0, 8.0]
    toy.write()
    trained()
    (toy.root / "train.json").unlink()
    shutil.rmtree(toy.root / "train")
    shutil.rmtree(out / "suites", ignore_errors=True)
    done, _ = submit(out, card(runs))
    assert done.status == 2
    assert "2 versions of its data" in done.err
    assert "--content" in done.err


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"method": "lncsi"}, "unknown method of suite toy 'lncsi'. Did you mean 'lncis'"),
        ({"method": "ours"}, "the suite calls the method lncis, the card ours"),
        ({"parameters": {}}, "gamma is 6.0, on the card left out"),
        ({"licence": ""}, "licence: wanted a text"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(trained, card, submit, tmp_path, change, reason):
    out, runs = trained()
    path = card(runs)
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **change}))
    done, _ = submit(out, path)
    assert done.status == 2
    assert reason in done.err


METHOD = '''"""Mine."""

def mine(logits, labels, ctx, *, q: float = 0.5):
    """A method of a test."""
    return logits.sum(1) * q
'''


def test_a_method_of_a_file_travels_with_its_source(toy, tmp_path, finish, card, submit):
    file = tmp_path / "mine.py"
    file.write_text(METHOD)
    out = tmp_path / "runs"
    own = methods_of_files([f"{file}:mine"])
    suite = load_suite(
        str(toy.file), data_root=None, cache=tmp_path / "c", choices=Choices(own_methods=own)
    )
    runs = of(expand(suite, RunStore(out)), "mine")
    for run in runs:
        finish(run, RunStore(out))
    words = ("--method-file", f"{file}:mine")
    done, path = submit(out, card(runs, "mine"), *words)
    assert done.status == 0, done.err
    assert members(path)["method.py"] == METHOD.encode()
    assert parse_suite(members(path)["suite.json"]).method["file_sha256"] == sha256_bytes(
        METHOD.encode()
    )
    assert "method.py" in parse_contents(members(path)["bundle.json"]).files
    done, _ = submit(out, card(runs, "mine"))
    assert "unknown method of suite toy 'mine'" in done.err


def test_what_is_there_is_overwritten_whole(trained, card, submit, call, toy, tmp_path):
    out, runs = trained()
    words = ("leaderboard", "submit", out, "--suite", toy.file, "--card", card(runs))
    assert call(*words, "--out", tmp_path / "toy").status == 2  # a folder
    place = tmp_path / "new" / "b.zip"
    assert call(*words, "--out", place).status == 0
    assert [path.name for path in place.parent.iterdir()] == ["b.zip"]
