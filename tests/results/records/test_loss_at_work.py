import pytest

from noisyseg.results.records.loss_at_work import (
    BINS,
    GROUPS,
    MARKS,
    SETS,
    detector,
    fates,
    figure5,
    half_time,
    pooled,
    share,
)


def group(**counts):
    histogram = [0] * (BINS + 1)
    histogram[3] = counts.get("rois", 0)
    return {**dict.fromkeys(MARKS, 0), **counts, "mean_loss": None, "histogram": histogram}


def report(**groups):
    sets = {name: 10 * place for place, name in enumerate(SETS)}
    entries = {name: groups.get(name, group()) for name in GROUPS}
    return {"gamma": 6.0, "bin_width": 0.25, "sets": sets, **entries}


# The paper's figure 5 in numbers of RoIs: 885 of 1000 noisy, 231 of 10,000 clean ones.
PAPER = report(
    noisy=group(
        rois=1000,
        potential_noisy=885,
        above_6=885,
        as_given=50,
        as_true=700,
        as_background=150,
        as_another=100,
    ),
    clean=group(rois=10_000, potential_noisy=231, above_6=231),
)


def test_figure_5_of_the_papers_numbers():
    assert figure5(PAPER) == {"noisy": 0.885, "clean": 0.0231}


def test_detector_of_the_papers_numbers():
    assert detector(PAPER) == {
        "true_positives": 885,
        "false_positives": 231,
        "false_negatives": 115,
        "precision": pytest.approx(885 / (885 + 231)),
        "recall": pytest.approx(0.885),
    }


def test_fates_are_shares_of_noisy_rois():
    shares = fates(PAPER)
    assert shares == {"memorised": 0.05, "recovered": 0.7, "background": 0.15, "another": 0.1}
    assert sum(shares.values()) == pytest.approx(1)


def test_nothing_to_share_is_none_not_0():
    assert share(0, 0) is None
    assert share(0, 4) == 0.0
    nothing = report()
    assert set(figure5(nothing).values()) == set(fates(nothing).values()) == {None}
    assert detector(nothing)["precision"] is None
    assert detector(nothing)["recall"] is None


def test_pooled_runs_are_as_one_of_all_their_rois():
    few = report(noisy=group(rois=1, above_6=1), clean=group(rois=10))
    many = report(noisy=group(rois=3), clean=group(rois=30, above_6=4))
    both = pooled([few, many])
    assert both["figure5"] == {"noisy": 1 / 4, "clean": 4 / 40}
    assert both["noisy"]["histogram"][3] == 4
    assert both["sets"]["other"] == 2 * few["sets"]["other"]
    assert few["noisy"]["histogram"][3] == 1


@pytest.mark.parametrize(("epochs", "last"), [(1, 0), (2, 0), (12, 5), (13, 5), (64, 31)])
def test_half_time_is_the_papers_e1(epochs, last):
    # E1 = 6 of 12 and 32 of 64 epochs (section 5), counted from 1.
    assert half_time(epochs) == last
