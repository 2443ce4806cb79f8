import json
import shutil
from pathlib import Path

import pytest

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.runs.checkpoint_note import note_size
from noisyseg.results.records.record import seal
from noisyseg.results.records.store import RunStore

pytestmark = pytest.mark.usefixtures("counted_once")

RATES = {"sym20": 0.2, "sym40": 0.4, "sym60": 0.6, "sym80": 0.8, "asym20": 0.2, "asym40": 0.4}
ASYMMETRIC = {
    "paper-table1-voc": "asymmetric",
    "paper-table2-coco": "superclass-pairs",
    "paper-table3-cityscapes": "asymmetric",
}
RUNS = {"paper-table1-voc": 42, "paper-table2-coco": 21, "paper-table3-cityscapes": 21}


@pytest.fixture
def data(official, tmp_path):
    """The data sets in a folder of their own: the conversion lands beside them."""
    return Path(shutil.copytree(official, tmp_path / "data"))


@pytest.fixture
def plan(call, tmp_path, monkeypatch):
    """Calls `plan … --json`; the ImageNet weights are not on this machine."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def make(*arguments):
        done = call("plan", *arguments, "--json")
        assert done.status == 0, done.err
        return json.loads(done.out)

    return make


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("suite", RUNS)
def test_a_paper_table_is_its_methods_by_the_papers_noise(plan, data, tmp_path, suite):
    document = plan(suite, "--data-root", data, "--allow-partial", "--out", tmp_path / "out")
    rows = document["runs"]
    assert len(rows) == document["total"]["runs"] == RUNS[suite]
    for row in rows:
        kind = ASYMMETRIC[suite] if row["noise"].startswith("asym") else "symmetric"
        rate = RATES.get(row["noise"])
        assert row["noise_steps"] == ("clean" if rate is None else f"{kind}-{rate:g}")
    per_method = [row["noise"] for row in rows if row["method"] == "lncis"]
    assert per_method == ["clean", *RATES]
    assert "weights" in document["note"]
    assert not (tmp_path / "out").exists() or not files(tmp_path / "out")
    assert document["total"]["disk_bytes"]["checkpoints"] > 100e6 * len(rows)


def test_the_ablation_has_seven_runs_at_symmetric_40(plan, data):
    rows = plan("paper-table4-ablation", "--data-root", data, "--allow-partial")["runs"]
    assert len(rows) == 7
    assert {row["noise_steps"] for row in rows} == {"symmetric-0.4"}


def test_without_data_the_official_numbers_give_the_iterations(plan):
    document = plan("paper-table1-voc", "--seconds-per-iteration", "0.25")
    assert document["runs"][0]["iterations"] == 17_160  # 12 epochs of 5717 images by 4
    # Of 42 runs seven train half of their epochs, which their `ce` trains for them.
    assert document["total"]["hours"] == pytest.approx(38.5 * 17_160 * 0.25 / 3600, abs=0.01)
    assert "--data-root" in document["note"]
    assert {row["key"] for row in document["runs"]} == {None}
    assert document["total"]["disk_bytes"] is None


def test_seeds_and_parts_are_chosen_as_in_run(plan):
    rows = plan("paper-table1-voc", "--seeds", "0,1", "--methods", "ce", "--noise", "sym40")["runs"]
    assert [(row["method"], row["noise"], row["seed"]) for row in rows] == [
        ("ce", "sym40", 0),
        ("ce", "sym40", 1),
    ]


def test_what_is_done_is_not_counted_and_its_pace_is_the_estimate(
    plan, call, toy, tmp_path, record_of
):
    out = tmp_path / "out"
    runs = toy.expand(out)
    first = record_of(runs[0])
    first.pop("checksum")
    timings = {"training": 60.0, "prediction": 6.0, "evaluation": 3.0, "step": 0.5}
    fields = {k: v for k, v in first.items() if k not in ("format", "key")}

    RunStore(out).save(seal({**fields, "timings": timings, "environment": {"device": "cuda"}}))
    before = files(out), files(toy.root)
    document = plan(toy.file, "--out", out)
    assert (files(out), files(toy.root)) == before
    assert [row["state"] for row in document["runs"]] == ["done", *["to train"] * (len(runs) - 1)]
    assert [row["key"] for row in document["runs"]] == [run.key for run in runs]
    # Three images with annotations, 4 a batch, 2 epochs: 2 iterations; 3 images take 9 s.
    assert document["runs"][1]["iterations"] == 2
    assert document["runs"][1]["hours"] == pytest.approx((2 * 0.5 + 9.0) / 3600, abs=1e-3)
    assert document["pace"] == "measured on cuda, 1 finished run"
    text = call("plan", toy.file, "--out", out).out
    assert "4 runs, 1 done" in text
    assert "GPU hours left: 0.0 (0.500 s an iteration, measured on cuda" in text


def test_epochs_in_common_are_counted_once(plan, call, toy, tmp_path, record_of):
    out = tmp_path / "out"
    pace = ("--seconds-per-iteration", "3600")
    document = plan(toy.file, "--out", out, *pace)
    # ce and lncis on clean and noisy labels, 2 epochs of one iteration; lncis shares the first.
    assert document["sharing"] == {"epochs": 8, "saved": 2}
    hours = {(row["method"], row["noise"]): row["hours"] for row in document["runs"]}
    assert hours == {
        **{("ce", noise): pytest.approx(2.0) for noise in ("clean", "sym40")},
        **{("lncis", noise): pytest.approx(1.0) for noise in ("clean", "sym40")},
    }
    assert document["total"]["hours"] == pytest.approx(6.0)
    line = "prefixes shared: 6 epochs trained instead of 8"
    assert line in call("plan", toy.file, "--out", out, *pace).out.splitlines()

    alone = plan(toy.file, "--out", out, *pace, "--no-sharing")
    assert alone["sharing"] is None
    assert alone["total"]["hours"] == pytest.approx(8.0)
    assert [row["key"] for row in alone["runs"]] == [row["key"] for row in document["runs"]]
    assert "shared" not in call("plan", toy.file, "--out", out, *pace, "--no-sharing").out

    ce, *_ = toy.expand(out)
    RunStore(out).save(record_of(ce))
    document = plan(toy.file, "--out", out, *pace)
    assert document["sharing"] == {"epochs": 6, "saved": 1}
    assert document["total"]["hours"] == pytest.approx(5.0)


def test_without_data_the_methods_tell_what_they_share(plan):
    document = plan("paper-table4-ablation", "--seconds-per-iteration", "0.25")
    assert document["sharing"] == {"epochs": 7 * 12, "saved": 2 * 12}
    assert document["total"]["hours"] == pytest.approx(5 * 17_160 * 0.25 / 3600, abs=0.01)
    assert plan("paper-table2-coco", "--seeds", "0,1")["sharing"] == {
        **{"epochs": 42 * 12, "saved": 7 * 12}
    }


def test_a_damaged_record_is_named_and_its_run_to_be_trained(plan, call, toy, tmp_path, record_of):
    out = tmp_path / "runs"
    run, *_ = toy.expand(out)
    RunStore(out).save(record_of(run))
    file = run.folder / "record.json"
    file.write_bytes(file.read_bytes()[:100])
    (problem,) = plan(toy.file, "--out", out)["problems"]
    assert problem.startswith(f"{file}: not a valid record")
    done = call("plan", toy.file, "--out", out)
    assert f"{run.key}  to train" in done.out
    assert "not a valid record" in done.err
    assert file.is_file()


def test_an_unknown_pace_is_said_to_be_unknown(call, toy):
    text = call("plan", toy.file).out
    assert "GPU hours: unknown; give --seconds-per-iteration" in text
    assert call("plan", toy.file, "--seconds-per-iteration", "0").status == 2


def test_a_suite_file_that_is_wrong_is_an_error_not_a_note(call, toy):
    toy.suite["methods"] = ["lcnis"]
    toy.write()
    done = call("plan", toy.file)
    assert done.status == 2
    assert "Did you mean 'lncis'" in done.err


@pytest.mark.parametrize(
    ("steps", "name"),
    [
        ({}, "unknown"),
        ({"type": "symmetric", "rate": None}, "symmetric"),
        ({"type": "symmetric", "rate": []}, "symmetric"),
        ({"type": "symmetric", "rate": 10**400}, "symmetric"),
        ([{"type": "symmetric", "rate": 0.4}, {"rate": 2}], "symmetric-0.4+unknown"),
    ],
)
def test_noise_that_is_none_is_told_with_the_grid(plan, toy, steps, name):
    toy.suite["noise"] = {"bad": steps}
    toy.write()
    document = plan(toy.file)
    assert {row["noise_steps"] for row in document["runs"]} == {name}
    assert "keys are unknown" in document["note"]


@pytest.mark.parametrize("noted", [False, True], ids=["a fresh store", "a store with a size"])
def test_an_average_that_the_model_does_not_allow_is_told_before_it_is_run(
    call, toy, tmp_path, noted
):
    out = tmp_path / "runs"
    if noted:  # of the same model, of which nothing was averaged
        suite = load_suite(str(toy.file), data_root=None, cache=tmp_path / "cache")
        note_size(suite, 3, RunStore(out))
    toy.suite["protocol"] = {"extends": "smoke", "name": "averaged", "average_last": 1}
    toy.write()
    done = call("plan", toy.file, "--out", out)
    assert (done.status, done.out) == (2, "")
    assert "average_last cannot be used with the model mask-rcnn-tiny: its backbone" in done.err
    backbone = {"norm_eval": True}
    toy.suite["model"] = {"extends": "mask-rcnn-tiny", "detector": {"backbone": backbone}}
    toy.write()
    done = call("plan", toy.file, "--out", out)
    assert done.status == 0, done.err
