import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from noisyseg.bench.runs.durations import Durations
from noisyseg.bench.runs.prefix import Prefix
from noisyseg.bench.runs.rehearsal import FOLDER, rehearsed
from noisyseg.results.records.record import seal
from noisyseg.results.records.store import RunStore


@pytest.fixture
def runs(toy, tmp_path):
    """Of `ce`, clean and noisy, and of `lncis`, on three images for two epochs: two steps each."""
    return toy.expand(tmp_path / "runs")


@pytest.fixture
def timed(record_of):
    """A done run's record with seconds of its parts, on a CPU."""

    def make(run, *, spec=None, device="cpu", lineage=None, failure=None, **timings):
        fields = record_of(run, failure=failure)
        fields = {k: v for k, v in fields.items() if k not in ("format", "key", "checksum")}
        return seal(
            fields
            | {"spec": spec or run.spec, "timings": timings, "lineage": lineage or {}}
            | {"environment": {"device": device}}
        )

    return make


WHOLE = {"training": 60.0, "prediction": 3.0, "evaluation": 2.0, "step": 10.0}


def of(*records, device="cpu"):
    return Durations(records, device=device)


def by_method(runs):
    """The first run of each method."""
    return {run.spec["method"]["name"]: run for run in reversed(runs)}


def test_a_run_takes_what_finished_ones_of_its_kind_took_whatever_their_noise(runs, timed):
    clean, noisy = (run for run in runs if run.spec["method"]["name"] == "ce")
    assert clean.spec["noise"] != noisy.spec["noise"]
    assert of(timed(clean, **WHOLE)).seconds(noisy) == 60 + 3 + 2
    three = [timed(clean, **WHOLE | {"training": seconds}) for seconds in (50.0, 60.0, 400.0)]
    assert of(*three).seconds(noisy) == 65


def test_another_method_is_told_by_its_steps_and_else_by_any_methods(runs, timed):
    ce, lncis = (by_method(runs)[name] for name in ("ce", "lncis"))
    other = {**lncis.spec, "data": {**lncis.spec["data"], "name": "other"}}
    # Two steps of ten seconds; the same images were evaluated by another method.
    assert of(timed(ce, **WHOLE)).seconds(lncis) == 2 * 10 + 5
    elsewhere = timed(lncis, spec=other, **WHOLE | {"step": 7.0})
    assert of(timed(ce, **WHOLE), elsewhere).seconds(lncis) == 2 * 7 + 5
    assert of(elsewhere).seconds(lncis) == 2 * 7
    assert of(elsewhere).seconds(ce) == 2 * 7


def test_what_was_not_trained_in_one_go_tells_its_steps_alone(runs, timed):
    run = runs[0]
    for lineage in (
        {"resumed_from_epoch": 1},
        {"resumed_from_epoch": 0, "resumed_from_iteration": 1},
        {"branched_from": {"run": "0" * 16, "epochs": 1, "checkpoint": "a" * 64}},
    ):
        assert of(timed(run, lineage=lineage, **WHOLE)).seconds(run) == 2 * 10 + 5
    assert of(timed(run, lineage={"resumed_from_epoch": 0}, **WHOLE)).seconds(run) == 65


def test_failures_other_models_and_other_protocols_tell_nothing(runs, timed):
    run = runs[0]
    model = {**run.spec, "model": {**run.spec["model"], "name": "other"}}
    protocol = {**run.spec, "protocol": {**run.spec["protocol"], "version": 99}}
    records = [
        timed(run, failure="boom", **WHOLE),
        *(timed(run, spec=spec, **WHOLE) for spec in (model, protocol)),
    ]
    assert of(*records).seconds(run) is None
    assert of().seconds(run) is None


def test_a_rehearsals_steps_tell_where_no_run_does_unless_they_are_of_small_images(runs, timed):
    run = runs[0]
    tried = {
        shrink: timed(
            run,
            spec={**run.spec, "protocol": rehearsed(run.spec["protocol"], shrink=shrink)},
            **WHOLE,
        )
        for shrink in (False, True)
    }
    assert of(tried[False]).seconds(run) == 2 * 10
    assert of(tried[True]).seconds(run) is None
    lncis = by_method(runs)["lncis"]
    measured = timed(lncis, **WHOLE | {"step": 4.0})
    assert of(tried[False], measured).seconds(by_method(runs)["ce"]) == 2 * 4 + 5


def test_only_runs_on_one_kind_of_device_are_compared(runs, timed):
    ce, lncis = (by_method(runs)[name] for name in ("ce", "lncis"))
    slow, fast = timed(ce, **WHOLE), timed(lncis, device="cuda", **WHOLE | {"step": 0.1})
    assert of(slow, fast, device="cuda").seconds(ce) == pytest.approx(2 * 0.1 + 5)
    assert of(slow, fast, device="cpu").seconds(ce) == 65
    assert of(slow, device="cuda").seconds(ce) == 65


def test_what_another_run_trains_for_it_is_not_its_own(runs, timed, tmp_path):
    run, known = runs[0], of(timed(runs[0], **WHOLE))
    assert run.spec["protocol"]["epochs"] == 2
    branch = replace(run, prefix=Prefix(key="0" * 16, epochs=1, path=tmp_path, threshold=0.0))
    assert known.seconds(branch) == 30 + 5
    assert known.seconds(run) == 65


def test_a_store_tells_by_its_records_and_its_rehearsals_and_needs_no_note_of_its_images(
    runs, timed, tmp_path
):
    ce, lncis = (by_method(runs)[name] for name in ("ce", "lncis"))
    store, rehearsals = RunStore(tmp_path / "runs"), RunStore(tmp_path / "runs" / FOLDER)
    tried = {**lncis.spec, "protocol": rehearsed(lncis.spec["protocol"], shrink=False)}
    rehearsals.save(timed(lncis, spec=tried, **WHOLE))
    assert Durations.of(store, device="cpu").seconds(ce) == 2 * 10
    store.save(timed(ce, **WHOLE))
    assert Durations.of(store, device="cpu").seconds(ce) == 65
    (ce.eval_annotations.parent / "checked.json").unlink()
    found = Durations.of(store, device="cpu")
    assert (found.seconds(ce), found.seconds(lncis)) == (65, None)


def test_images_too_small_to_train_on_are_no_steps(toy, timed, tmp_path):
    protocol = {"extends": "smoke", "name": "larger", "image": {"min_size": 11}}
    toy.documents["train"]["images"][0].update(width=20, height=20)
    toy.suite["protocol"] = protocol
    toy.write()
    from PIL import Image

    Image.new("L", (20, 20)).save(toy.root / "train" / "0.png")
    ce, lncis = (by_method(toy.expand(tmp_path / "runs"))[name] for name in ("ce", "lncis"))
    spec = {**ce.spec, "protocol": {**ce.spec["protocol"], "batch_size": 1}}
    known = of(timed(ce, spec=spec, **WHOLE | {"step": 1.0}))
    # One image of three is large enough: one step in each of two epochs.
    assert known.seconds(replace(lncis, spec={**lncis.spec, "protocol": spec["protocol"]})) == 2 + 5


def test_ten_thousand_runs_are_told_in_a_second(runs, timed):
    known = of(*(timed(run, **WHOLE) for run in runs[:1]))
    text = json.dumps(runs[0].spec)
    apart = [replace(runs[n % 4], spec=json.loads(text)) for n in range(1000)]
    many = [replace(runs[n % 4], folder=Path(str(n))) for n in range(9000)] + apart
    began = time.process_time()
    seconds = [known.seconds(run) for run in many]
    assert time.process_time() - began < 1.0
    assert None not in seconds
