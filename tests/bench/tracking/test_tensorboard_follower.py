import pytest

from noisyseg.bench.tracking.followers import followers
from noisyseg.errors import InputError

pytest.importorskip("tensorboard", reason="the extra [tracking] is not installed")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def shown(folder):
    """What TensorBoard shows of the one run in a folder: (step, value) by tag."""
    (run,) = folder.iterdir()
    events = EventAccumulator(str(run))
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_epochs_come_as_they_are_done_and_metrics_at_the_end(runs, log, tmp_path, record_of):
    (follower,) = followers(tmp_path / "board", None)
    log(runs[0], 3.0)
    follower.look(runs)
    assert shown(tmp_path / "board")["train/loss"] == [(1, 3.0)]
    log(runs[0], 3.0, 2.0)
    follower.look(runs)
    follower.ended(runs[0], record_of(runs[0], average=31.5))
    follower.close()
    assert shown(tmp_path / "board") == {
        "train/loss": [(1, 3.0), (2, 2.0)],
        "train/seconds": [(1, 1.5), (2, 1.5)],
        "eval/segm/AP": [(2, 31.5)],
    }
    (run,) = (tmp_path / "board").iterdir()
    assert run.name == f"ce_clean_seed0_{runs[0].key[:8]}"


def test_a_driver_that_goes_on_shows_nothing_twice(runs, log, tmp_path, record_of):
    for losses in [(3.0, 2.0), (3.0, 2.0, 1.0)]:  # the first driver is killed
        (follower,) = followers(tmp_path / "board", None)
        log(runs[0], *losses)
        follower.look(runs)
    follower.ended(runs[0], record_of(runs[0], failure="boom"))
    follower.close()
    assert shown(tmp_path / "board")["train/loss"] == [(1, 3.0), (2, 2.0), (3, 1.0)]


def test_a_short_run_is_told_although_nobody_looked(runs, log, tmp_path, record_of):
    (follower,) = followers(tmp_path / "board", None)
    log(runs[1], 3.0)
    follower.ended(runs[1], record_of(runs[1], average=5.0))
    follower.ended(runs[2], record_of(runs[2], failure="at once"))
    follower.close()
    assert shown(tmp_path / "board").keys() == {"train/loss", "train/seconds", "eval/segm/AP"}


def test_a_folder_that_cannot_be_made_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"--tensorboard .*file"):
        followers(tmp_path / "file" / "board", None)
