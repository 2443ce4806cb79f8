"""Seeds of a bundle, held against each other."""

from types import SimpleNamespace

import pytest

from noisyseg.bench.config.suite import SeedPair
from noisyseg.bench.leaderboard.checks.installed import Cell
from noisyseg.bench.leaderboard.checks.seeds import (
    check_no_noise_seeds,
    check_seeds,
    seeds_of,
    suite_seed_remarks,
)

INSTALLED = SimpleNamespace(
    settings={"clean": None, "sym40": ("steps",), "asym40": ("steps",)},
    suite=SimpleNamespace(seeds=[SeedPair(seed, seed) for seed in range(3)]),
)


def states(cells):
    return {check.id: check.state for check in check_seeds(cells, INSTALLED)}


def grid(labels, noise, train):
    return [
        Cell(label, None if label == "clean" else one, other)
        for label in labels
        for one in (noise if label != "clean" else [None])
        for other in train
    ]


def test_all_pairs_of_noise_and_train_seeds_go_with_one_clean_run_each():
    cells = grid(["clean", "sym40", "asym40"], [0, 1], [0, 1, 2])
    assert states(cells) == {"seeds.once": "holds", "seeds.same": "holds"}
    assert seeds_of(cells) == {"clean": 3, "sym40": 6, "asym40": 6}


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (Cell("clean", None, 2), "clean lacks train seeds 2"),
        (Cell("sym40", 1, 2), "sym40 lacks noise/train seeds"),
    ],
)
def test_a_seed_that_one_setting_lacks_is_named(lost, said):
    cells = [cell for cell in grid(["clean", "sym40", "asym40"], [0, 1], [0, 1, 2]) if cell != lost]
    found = {check.id: check for check in check_seeds(cells, INSTALLED)}
    assert found["seeds.same"].state == "fails"
    assert said in found["seeds.same"].detail


def test_a_run_trained_elsewhere_has_no_noise_seed():
    assert check_no_noise_seeds([Cell("sym40", None, 0), Cell("clean", None, 0)]).state == "holds"
    found = check_no_noise_seeds([Cell("sym40", None, 0), Cell("sym40", 3, 1)])
    assert (found.state, found.detail) == ("fails", "not so: sym40 3/1")


def test_a_pair_twice_is_refused():
    cells = [*grid(["sym40"], [0], [0, 1, 2]), Cell("sym40", 0, 2)]
    assert states(cells)["seeds.once"] == "fails"


def test_settings_left_out_and_few_seeds_are_to_be_known():
    found = states(grid(["clean", "sym40"], [0], [0, 1]))
    assert found["seeds.coverage"] == found["seeds.count"] == "remark"
    assert found["seeds.same"] == "holds"


@pytest.mark.parametrize("labels", [["sym40"], ["clean", "sym40"], ["clean"]])
def test_the_suites_seeds_that_are_left_out_are_to_be_known(labels):
    def remarks(seeds):
        cells = [cell for seed in seeds for cell in grid(labels, [seed], [seed])]
        return [check.what for check in suite_seed_remarks(cells, INSTALLED)]

    assert remarks([0, 1, 2]) == remarks([0, 1, 2, 3, 4]) == []
    (said,) = remarks([2, 3, 4])
    assert said.endswith("without 0, 1; the train seeds are 2, 3, 4")
    (said,) = remarks([10**6, 10**6 + 1, 10**6 + 2])
    assert said.endswith("without 0, 1, 2; the train seeds are 1000000, 1000001, 1000002")


def test_noise_made_with_another_seed_is_not_the_suites():
    cells = grid(["sym40"], [7], [0, 1, 2])
    (check,) = suite_seed_remarks(cells, INSTALLED)
    assert (check.id, check.state) == ("seeds.suite", "remark")
    assert "without 0, 1, 2;" in check.what
