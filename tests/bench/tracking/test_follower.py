import pytest

from noisyseg.bench.tracking.follower import NewEpochs, epoch_scalars, record_scalars, run_settings
from noisyseg.bench.tracking.followers import followers
from noisyseg.errors import InputError


def told(log):
    reports = log.read()
    if reports:
        log.told = reports[-1]["epoch"] + 1
    return [report["loss"] for report in reports]


def test_every_epoch_is_new_once(runs, log):
    new = NewEpochs(runs[0])
    assert told(new) == []
    log(runs[0], 3.0, 2.0)
    assert told(new) == [3.0, 2.0]
    assert told(new) == []
    log(runs[0], 3.0, 2.0, 1.0)
    assert told(new) == [1.0]
    # It goes on from its first epoch's end, and does the others again.
    log(runs[0], 3.0)
    assert told(new) == []
    log(runs[0], 3.0, 2.5, 1.5, 0.5)
    assert told(new) == [0.5]


def test_what_could_not_be_told_is_still_new(runs, log):
    log(runs[0], 3.0, 2.0)
    new = NewEpochs(runs[0])
    assert new.read() == new.read() != []
    assert told(NewEpochs(runs[0], told=1)) == [2.0]


def test_numbers_have_the_names_of_a_tracker(runs, record_of):
    report = {"epoch": 3, "loss": 1.5, "loss_cls": 1, "seconds": 2.0, "loss_at_work": [{}]}
    expected = {"train/loss": 1.5, "train/loss_cls": 1.0, "train/seconds": 2.0}
    assert epoch_scalars(report) == expected
    assert record_scalars(record_of(runs[0], average=31.5)) == {"eval/segm/AP": 31.5}
    assert record_scalars(record_of(runs[0], average=None)) == {}
    assert record_scalars(record_of(runs[0], failure="boom")) == {}


def test_settings_are_words(runs):
    clean, noisy = runs[0], runs[3]
    assert run_settings(noisy)["noise"] == "sym40"
    assert run_settings(noisy)["noise_seed"] == "0"
    assert "noise_seed" not in run_settings(clean)
    assert {"data": "toy", "method": "ce", "train_seed": "0"}.items() <= run_settings(clean).items()
    assert all(isinstance(value, str) for value in run_settings(noisy).values())


def test_nothing_asked_for_is_nobody_told():
    assert followers(None, None) == []


@pytest.mark.parametrize(
    ("absent", "asked"), [("tensorboard", ("x", None)), ("mlflow", (None, "sqlite:///x.db"))]
)
def test_a_package_that_is_absent_is_named(monkeypatch, tmp_path, absent, asked):
    class Absent:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] == absent:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    import sys

    for name in [*sys.modules]:
        if name.split(".")[0] == absent or name.startswith("torch.utils.tensorboard"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    tensorboard, mlflow = asked
    with pytest.raises(InputError, match=rf"--{absent} needs .*pip install 'noisyseg\[tracking\]'"):
        followers(tensorboard and tmp_path / tensorboard, mlflow)
