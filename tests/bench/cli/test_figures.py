import json
from pathlib import Path

import pytest
import torch
import yaml

from noisyseg.bench.training.loss_at_work import LossAtWork
from noisyseg.results.records.store import RunStore

EPOCHS = 2  # of the protocol `smoke`
PICTURES = {"loss-histograms", "set-sizes", "noisy-predicted-as", "pon-detector"}
RESULTS = {
    "methods-by-noise-segm.AP.png",
    "noise-rate-segm.AP.png",
}  # of records without classes and manifests


def reports(heads, wrong):
    """Of each epoch and head: a clean RoI as labelled; one of annotation 2 as class 1, not 0."""
    found = []
    for _ in range(EPOCHS):
        at_work = [
            LossAtWork(num_classes=3, gamma=6.0, clean_labels={2: 1} if wrong else {})
            for _ in range(heads)
        ]
        for observer in at_work:
            logits = torch.tensor([[9.0, 0.0, 0.0, 0.0], [0.0, 9.0, 0.0, 0.0]])
            ones = torch.ones(2)
            observer.observe(logits, torch.tensor([0, 0]), ones, ones, torch.tensor([1, 2]))
        found.append([observer.report() for observer in at_work])
    return found


@pytest.fixture
def trained(toy, record_of):
    """The toy's runs, done, with logs as a training would leave them."""

    def make(out, heads=1):
        runs = toy.expand(out)
        for run in runs:
            run.folder.mkdir(parents=True)
            entries = reports(heads, wrong=run.manifest is not None)
            lines = [
                json.dumps({"epoch": epoch, "loss": 1.0, "loss_at_work": entry})
                for epoch, entry in enumerate(entries)
            ]
            (run.folder / "log.jsonl").write_text("".join(f"{line}\n" for line in lines))
            RunStore(out).save(record_of(run))
        return runs

    return make


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_every_finished_run_is_drawn_and_tabulated(toy, trained, call, tmp_path):
    out = tmp_path / "out"
    trained(out)
    called = call("figures", toy.file, "--out", out)
    assert called.status == 0
    expected = {f"{name}-sym40.png" for name in PICTURES}
    # Of clean labels there are no noisy RoIs to be shown.
    expected |= {"loss-histograms-clean.png", "set-sizes-clean.png"} | RESULTS
    assert set(names(Path("toy-figures"))) == expected
    lines = called.out.splitlines()
    assert all(len(line) <= 100 for line in lines)
    place = lines.index("lncis · sym40 · seed 0")
    rows = [line.split() for line in lines[place + 1 : place + 3]]
    assert [row[:3] for row in rows] == [["1", "of", "2"], ["2", "of", "2"]]
    # The wrong label costs 9 nats, is recovered, and is all that PON holds.
    values = ["100.0", "%", "0.00", "%", "100.0", "%", "100.0", "%", "0.00", "%", "100.0", "%"]
    assert rows[1][3:15] == values
    assert "88.5 % and 2.31 %" in " ".join(lines)


def test_json_holds_counts_and_files(toy, trained, call, tmp_path):
    out = tmp_path / "out"
    runs = trained(out)
    called = call("figures", toy.file, "--out", out, "--json", "--format", "svg,pdf")
    document = json.loads(called.out)
    assert [row["key"] for row in document["runs"]] == [run.key for run in runs]
    row = next(r for r in document["runs"] if (r["method"], r["noise"]) == ("ce", "sym40"))
    assert row["half_time"]["epoch"] == 0
    assert row["last"]["epoch"] == 1
    assert row["last"]["figure5"] == {"noisy": 1.0, "clean": 0.0}
    assert row["last"]["rois"] == {"clean": 1, "noisy": 1, "unknown": 0}
    assert document["paper"] == {"noisy": 0.885, "clean": 0.0231}
    written = {path.rpartition("/")[2] for path in document["figures"]}
    assert written == set(names(Path("toy-figures")))
    assert {name.rpartition(".")[2] for name in written} == {"svg", "pdf"}


def test_a_cascade_has_a_figure_for_each_stage(toy, trained, call, tmp_path):
    out = tmp_path / "out"
    trained(out, heads=3)
    called = call("figures", toy.file, "--out", out, "--methods", "ce", "--noise", "sym40")
    chosen = "-ce-sym40.png"
    expected = [f"{name}-sym40-stage{n}{chosen}" for name in PICTURES for n in (1, 2, 3)]
    expected += [name.replace(".png", chosen) for name in RESULTS]
    assert names(Path("toy-figures")) == sorted(expected)
    assert "ce · sym40 · seed 0 · stage 3" in called.out
    call("report", toy.file, "--out", out, "--methods", "ce", "--noise", "sym40")
    page = Path("toy-ce-sym40.html").read_text(encoding="utf-8")
    for stage in (1, 2, 3):
        assert f"PON as a detector of wrong labels: sym40, stage {stage} of 3<" in page


def test_runs_without_reports_are_named_and_left_out(toy, trained, record_of, call, tmp_path):
    out = tmp_path / "out"
    runs = trained(out)
    older, failed = runs[0], runs[1]
    lines = "".join(f'{{"epoch": {n}, "loss": 1.0}}\n' for n in range(EPOCHS))
    (older.folder / "log.jsonl").write_text(lines)
    RunStore(out).save(record_of(failed, failure="of no use"))
    called = call("figures", toy.file, "--out", out)
    assert called.status == 0
    assert f"skipped {older.label}:" in called.err
    assert "did not count" in called.err
    assert f"skipped {failed.label}: failed" in called.err
    assert older.label not in called.out


def test_a_torn_log_is_an_error_and_the_others_are_drawn(toy, trained, call, tmp_path):
    out = tmp_path / "out"
    run = trained(out)[-1]
    log = run.folder / "log.jsonl"
    log.write_bytes(log.read_bytes()[:-9])
    called = call("figures", toy.file, "--out", out)
    assert called.status == 1
    assert f"error: {run.label}: {log}:2: not JSON, or torn" in " ".join(called.err.split())
    assert "set-sizes-sym40.png" in names(Path("toy-figures"))


def test_nothing_to_draw_is_an_error(toy, call, tmp_path):
    (tmp_path / "out").mkdir()
    called = call("figures", toy.file, "--out", tmp_path / "out")
    assert called.status == 2
    assert f"no run of it in {tmp_path / 'out'} has anything to draw" in called.err
    assert names(Path()) == []


def test_the_folder_and_the_metric_of_the_figures(toy, trained, call, tmp_path):
    trained(tmp_path / "out")
    words = ("figures", toy.file, "--out", tmp_path / "out", "--write", tmp_path / "drawn")
    assert call(*words, "--metric", "relative.AP", "--seeds", "0").status == 0
    assert call(*words, "--metric", "relative.AP").status == 0
    written = names(tmp_path / "drawn")
    for name in ("noise-rate-relative.AP-seeds-0.png", "noise-rate-relative.AP.png"):
        assert name in written
    assert names(Path()) == []


def test_an_unknown_format_is_refused(toy, call):
    called = call("figures", toy.file, "--format", "png,bmp")
    assert called.status == 2
    assert "wanted some of png, svg, pdf, got 'bmp'" in called.err


def test_noise_labels_need_not_be_file_names(toy, trained, call, tmp_path):
    toy.suite["noise"] = {
        "sym/40 %": {"type": "symmetric", "rate": 0.4},
        "sym:40 %": {"type": "symmetric", "rate": 0.5},
    }
    toy.file.write_text(yaml.safe_dump(toy.suite, sort_keys=False))
    out = tmp_path / "out"
    trained(out)
    called = call("figures", toy.file, "--out", out)
    assert called.status == 0, called.err
    pictures = names(Path("toy-figures"))
    assert len(pictures) == 2 * len(PICTURES) + len(RESULTS)
    assert "set-sizes-sym_40.png" in pictures
    assert "set-sizes-sym_40-2.png" in pictures


def test_what_became_of_wrong_labels_is_a_metric_of_tables(toy, trained, call, tmp_path):
    """Each run has one wrong label, whose RoI is predicted as the true one."""
    out = tmp_path / "out"
    runs = trained(out, heads=2)
    done = call("table", toy.file, "--out", out, "--metric", "recovered.best")
    assert done.status == 0
    assert "RoIs with a wrong label predicted as the true one, in the epoch that" in done.out
    assert "| ce | — | 100.0 (n=1) |" in done.out
    assert (
        "| ce | — | 0.0 (n=1) |"
        in call("table", toy.file, "--out", out, "--metric", "memorised").out
    )
    (log,) = (run.folder / "log.jsonl" for run in runs if run.label == "lncis · sym40 · seed 0")
    log.write_text(log.read_text()[:-30])
    done = call("table", toy.file, "--out", out, "--metric", "recovered")
    assert done.status == 0
    assert "| lncis | — | — |" in done.out
    assert "error: lncis · sym40 · seed 0: " in done.err
    assert "clean" not in done.err  # where no label is wrong


def test_power_knows_it(toy, trained, call, tmp_path):
    out = tmp_path / "out"
    trained(out)
    done = call("power", toy.file, "--out", out, "--metric", "memorised")
    assert done.status == 0, done.err
    assert "| methods × seeds | — | 2 × 1 |" in done.out
    assert "clean: no run that is done has this number." in done.out
