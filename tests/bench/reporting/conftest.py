"""The toy suite's runs, done, with logs of what became of RoIs with a wrong label."""

import json

import pytest

from noisyseg.files import sha256_file
from noisyseg.results.records.loss_at_work import BINS, GROUPS, MARKS, SETS, with_statistics
from noisyseg.results.records.record import seal
from noisyseg.results.records.store import RunStore


def report(given, true, background, another):
    """A head's report of an epoch, in which so many RoIs with a wrong label were predicted so."""
    rois = given + true + background + another
    marks = {"as_given": given, "as_true": true, "as_background": background, "as_another": another}
    groups = {
        group: {
            **dict.fromkeys(MARKS, 0),
            **({"rois": rois, **marks} if group == "noisy" else {}),
            "mean_loss": None,
            "histogram": [rois if group == "noisy" else 0] + [0] * BINS,
        }
        for group in GROUPS
    }
    sets = dict.fromkeys(SETS, 1)
    return with_statistics({"gamma": 6.0, "bin_width": 0.25, "sets": sets, **groups})


def log_text(epochs):
    """A log: of each epoch and head the four numbers of RoIs that `report` takes."""
    lines = [
        {"epoch": epoch, "loss": 1.0, "loss_at_work": [report(*counts) for counts in heads]}
        for epoch, heads in enumerate(epochs)
    ]
    return "".join(f"{json.dumps(line)}\n" for line in lines)


@pytest.fixture
def write_log():
    """Writes the log of a run."""

    def write(run, epochs):
        (run.folder / "log.jsonl").write_text(log_text(epochs))

    return write


@pytest.fixture
def logged(toy, tmp_path, record_of, write_log):
    """Makes the toy's runs, each with the same log, whose checksum its record has if that is told.

    Returns the store's folder and the runs by method and setting.
    """

    def make(epochs, *, told=True, seeds=(0,)):
        toy.suite["seeds"] = list(seeds)
        toy.write()
        out = tmp_path / "runs"
        runs = toy.expand(out)
        for run in runs:
            run.folder.mkdir(parents=True, exist_ok=True)
            write_log(run, epochs)
            made = record_of(run)
            fields = {k: v for k, v in made.items() if k not in ("format", "key", "checksum")}
            if told:
                fields["checksums"] |= {"log": sha256_file(run.folder / "log.jsonl")}
            RunStore(out).save(seal(fields))
        return out, {(run.method_label, run.noise_label): run for run in runs}

    return make
