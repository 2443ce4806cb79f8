import pytest

from noisyseg.bench.config.suite import MAX_RUN_SEED
from noisyseg.bench.config.suite_part import choose
from noisyseg.errors import InputError


def test_a_part_of_a_suite_keeps_the_suite_s_order(load):
    suite = load(methods=["ce", "gce", "lncis"], seeds=[4, 5])
    part = choose(suite, methods=["lncis", "ce"], noise=["sym40"])
    assert list(part.methods) == ["ce", "lncis"]
    assert part.noise == {"sym40": suite.noise["sym40"]}
    assert part.seeds == [(4, 4), (5, 5)]
    assert choose(suite, seeds=[9]).seeds == [(9, 9)]
    every = choose(suite, noise_seeds=[1, 2], train_seeds=[7, 8])
    assert every.seeds == [(1, 7), (1, 8), (2, 7), (2, 8)]
    assert choose(suite) == suite


def test_a_method_is_chosen_by_any_of_its_names(load):
    methods = {
        "ce": None,
        "ours": {"gamma": 4},
        "split(gce)": {"q": 0.5},
        "split-mae": {"name": "gce"},
    }
    suite = load(methods=methods)
    # The suite's own label and parameters stand.
    assert list(choose(suite, methods=["lncis", "split-gce"]).methods) == ["ours", "split(gce)"]
    assert choose(suite, methods=["split-gce"]).methods == {
        "split(gce)": suite.methods["split(gce)"]
    }
    # A label that another method has is not taken for it.
    assert choose(suite, methods=["split-mae"]).methods["split-mae"].name == "gce"
    added = choose(suite, methods=["split(mae)", "split-sce"]).methods
    assert {label: method.name for label, method in added.items()} == {
        "split(mae)": "split(mae)",
        "split-sce": "split(sce)",
    }


def test_a_part_that_the_suite_lacks_is_refused(load):
    suite = load()
    with pytest.raises(
        InputError, match=r"unknown method of suite toy 'lcnis'. Did you mean 'lncis'"
    ):
        choose(suite, methods=["ce", "lcnis"])
    with pytest.raises(
        InputError, match=r"unknown noise setting of suite toy 'sym4'. Did you mean"
    ):
        choose(suite, noise=["sym4"])
    for seed in (-1, MAX_RUN_SEED + 1):
        with pytest.raises(InputError, match=f"a seed must be from 0 .* got {seed}"):
            choose(suite, seeds=[0, seed])


@pytest.mark.parametrize(
    "given",
    [
        {"noise_seeds": [0]},
        {"train_seeds": [0]},
        {"seeds": [0], "noise_seeds": [0], "train_seeds": [1]},
    ],
)
def test_noise_seeds_and_train_seeds_come_together_or_not_at_all(load, given):
    with pytest.raises(InputError, match="--noise-seeds together with --train-seeds"):
        choose(load(), **given)
    with pytest.raises(InputError, match="a seed must be from 0"):
        choose(load(), noise_seeds=[-1], train_seeds=[0])
