import pytest

from noisyseg.bench.cluster.run_row import duration, progress_words, run_row

STATE = {
    "stage": "training",
    "epoch": 3.25,
    "epochs": 8,
    "loss": 1.23456,
    "seconds_left": 3725.0,
    "images_per_second": 41.26,
    "step_seconds": 0.4,
    "node": "gpu-12",
    "device": "cuda:3 NVIDIA H100 80GB HBM3",
    "memory_bytes": 11_200_000_000,
    "time": 1000.0,
    "pid": 7,
}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (61, "1 min 01 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 00 min"),
        (90_000, "25 h 00 min"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_a_row_says_all_that_is_known():
    assert run_row("ce · clean · seed 0", STATE, now=1001.0) == {
        "run": "ce · clean · seed 0",
        "epoch": "3.2/8",
        "loss": "1.235",
        "images/s": "41.3",
        "node": "gpu-12",
        "device": "cuda:3 H100 80GB HBM3",
        "memory": "11.2 GB",
        "left": "1 h 02 min",
    }


def test_what_an_earlier_noisyseg_wrote_has_the_columns_of_then():
    state = {part: STATE[part] for part in ("stage", "epoch", "epochs", "loss", "seconds_left")}
    assert run_row("x", state, now=0.0).keys() == {"run", "epoch", "loss", "left"}
    start = {"stage": "training", "epoch": 0.0, "epochs": 8}
    assert run_row("x", start, now=0.0) == {"run": "x", "epoch": "0.0/8"}


def test_a_run_that_is_put_together_is_shown():
    state = {"stage": "preparation", "epoch": 0.0, "epochs": 8, "node": "a", "time": 0.0}
    assert run_row("x", state, now=1e6) == {"run": "x", "epoch": "preparing", "node": "a"}


def test_an_evaluation_is_called_one():
    state = {"stage": "evaluation", "epoch": 8, "epochs": 8, "node": "a"}
    assert run_row("x", state, now=1e6) == {"run": "x", "epoch": "evaluating", "node": "a"}
    assert progress_words(state, now=1e6) == "evaluating, on a"


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (1119, "1 h 02 min"),
        (1121, "silent for 2 min"),
        (1725, "silent for 12 min"),
        (1000 + 3 * 3600, "silent for 3 h 00 min"),
    ],
)
def test_a_run_that_says_nothing_is_silent(now, text):
    assert run_row("x", STATE, now=now)["left"] == text


def test_the_same_in_words():
    place = "on gpu-12 cuda:3 H100 80GB HBM3, 11.2 GB"
    at = "epoch 3.2/8, loss 1.235, 41.3 images/s"
    assert progress_words(STATE, 1000.0) == f"{at}, 1 h 02 min of training left, {place}"
    assert progress_words(STATE, 1301.0) == f"{at}, silent for 5 min, {place}"


@pytest.mark.parametrize(
    ("seconds", "text"), [(59, "59 s"), (599, "9 min 59 s"), (601, "10 min"), (3661, "1 h 01 min")]
)
def test_of_many_minutes_no_seconds_are_told(seconds, text):
    assert run_row("x", STATE | {"seconds_left": seconds}, now=0.0)["left"] == text


def test_nothing_moves_the_cursor():
    assert run_row("a\x1bb", STATE | {"node": "\x07n"}, 0.0)["node"] == "�n"
