"""The sentence that `run` ends with is true whatever came out."""

import pytest

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.reporting.closing_sentence import closing_sentence


@pytest.fixture
def sentence(toy, tmp_path, record_of):
    """Of the toy suite, from value(method, noise, seed): a mask AP, None: not run, or "failed"."""

    def make(value, seeds=(0,), **changes):
        toy.suite |= {"seeds": list(seeds), **changes}
        toy.write()
        records = {}
        runs = toy.expand(tmp_path / "runs")
        for run in runs:
            found = value(run.method_label, run.noise_label, run.seed)
            if found == "failed":
                records[run.key] = record_of(run, failure="out of memory")
            elif found != "not run":
                records[run.key] = record_of(run, found)
        suite = load_suite(str(toy.file), data_root=None, cache=tmp_path / "cache")
        return closing_sentence(suite, runs, records)

    return make


def test_one_seed(sentence):
    found = sentence(lambda method, noise, _: 30.6 if noise == "clean" else 17.7)
    assert found == (
        "Seen: ce has 17.7 mask AP at sym40, 30.6 with clean labels, 58 % of it (one seed; another "
        "gives other numbers). Not seen: which method is better at clean, sym40: one seed tells "
        "nothing of that."
    )


def test_damage_that_seeds_show(sentence):
    """Losses 10, 12, 11: mean 11, sd 1, t of two degrees 4.303 / √3: 8.5 to 13.5."""
    losses = [10, 12, 11]
    found = sentence(
        lambda method, noise, seed: 30.0 + seed - losses[seed] * (noise == "sym40"),
        seeds=(0, 1, 2),
    )
    assert found.startswith(
        "Seen: noise hurts: ce has 20.0 mask AP at sym40, 31.0 with clean labels, 65 % of it (the "
        "loss of 11.0 has the 95 % interval 8.5 to 13.5 over 3 seeds). "
    )


def test_damage_that_seeds_do_not_show(sentence):
    losses = [10, -9, 2]
    found = sentence(
        lambda method, noise, seed: 30.0 - losses[seed] * (noise == "sym40"), seeds=(0, 1, 2)
    )
    assert "Not seen: whether noise hurts ce: it has 29.0 mask AP at sym40, 30.0" in found
    assert "noise hurts:" not in found.replace("whether noise hurts ce:", "")


def test_noise_that_helps(sentence):
    losses = [-10, -12, -11]
    found = sentence(
        lambda method, noise, seed: 30.0 - losses[seed] * (noise == "sym40"), seeds=(0, 1, 2)
    )
    assert "ce is better with noise: 41.0 mask AP at sym40, 30.0 with clean labels" in found


def test_methods_that_are_told_apart(sentence):
    """lncis 9 above ce at sym40, by a spread of 0.5; at clean the difference changes its sign."""
    shift = {"clean": [3, -2, 1], "sym40": [9.5, 9.0, 8.5]}
    found = sentence(
        lambda method, noise, seed: 30.0 + shift[noise][seed] * (method == "lncis"),
        seeds=(0, 1, 2),
    )
    assert "at sym40 1 of 1 pairs of methods are told apart" in found.split("Not seen")[0]
    assert found.endswith("which method is better at clean: these seeds tell no two apart.")


def test_nothing_measured(sentence):
    assert sentence(lambda *_: "failed") is None
    assert sentence(lambda *_: "not run") is None
    assert sentence(lambda *_: None) is None  # no ground truth: AP is not known


def test_clean_runs_alone_say_nothing_of_noise(sentence):
    found = sentence(lambda m, noise, _: 30.0 if noise == "clean" else "failed")
    assert found == "Not seen: which method is better at clean: one seed tells nothing of that."


def test_a_first_method_that_failed_is_not_told_of(sentence):
    found = sentence(lambda method, *_: "failed" if method == "ce" else 20.0)
    assert found is None


def test_an_ap_of_0_has_no_share(sentence):
    found = sentence(lambda *_: 0.0)
    assert found.startswith("Seen: ce has 0.0 mask AP at sym40, 0.0 with clean labels (one seed")


def test_the_setting_of_the_largest_loss_is_told(sentence):
    noise = {
        "clean": None,
        "sym20": {"type": "symmetric", "rate": 0.2},
        "sym60": {"type": "symmetric", "rate": 0.6},
    }
    values = {"clean": 30.0, "sym20": 25.0, "sym60": 12.0}
    found = sentence(lambda method, label, _: values[label], noise=noise)
    assert "ce has 12.0 mask AP at sym60" in found


def test_one_method_is_better_than_none(sentence):
    found = sentence(lambda *_: 20.0, methods=["ce"])
    assert "which method" not in found


def test_methods_without_a_seed_in_common(sentence):
    found = sentence(
        lambda method, _, seed: 20.0 if (method == "ce") == (seed == 0) else "not run", seeds=(0, 1)
    )
    assert found.endswith("which method is better at clean, sym40: they share no seed.")
