"""The sentence that `run` ends with is true whatever came out."""

from dataclasses import replace

import pytest

from noisyseg.bench.config.suite import SeedPair, load_suite
from noisyseg.bench.reporting.closing_sentence import closing_sentence
from noisyseg.bench.runs.grid import expand
from noisyseg.results.records.store import RunStore


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


def test_where_the_first_method_failed_the_next_is_told_of(sentence):
    found = sentence(
        lambda method, noise, _: "failed" if method == "ce" else 30.0 if noise == "clean" else 20.0
    )
    assert found == (
        "Seen: lncis has 20.0 mask AP at sym40, 30.0 with clean labels, 67 % of it (one seed; "
        "another gives other numbers). Not seen: which method is better: lncis alone has a number."
    )


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
    assert found.endswith("which method is better at clean, sym40: one seed tells nothing of that.")


def test_methods_with_seeds_of_their_own(sentence):
    found = sentence(
        lambda method, _, seed: 20.0 + seed if (method == "ce") == (seed < 2) else "not run",
        seeds=(0, 1, 2, 3),
    )
    assert found.endswith("better at clean, sym40: no two methods share two seeds.")


def test_a_method_with_one_seed_does_not_silence_the_others(sentence):
    """ce and lncis differ by 9 at equal seeds; a third method was tried once."""
    shift = {"ce": [0.0, 0.2, -0.2], "lncis": [9.0, 9.1, 8.9], "sce": [5.0]}
    found = sentence(
        lambda method, _, seed: (
            30.0 + seed + shift[method][seed] if seed < len(shift[method]) else "not run"
        ),
        seeds=(0, 1, 2),
        methods=["ce", "lncis", "sce"],
    )
    assert "at clean 1 of 3 pairs of methods are told apart" in found
    assert "one seed" not in found


SETTINGS = {
    "clean": None,
    "sym40": {"type": "symmetric", "rate": 0.4},
    "sym60": {"type": "symmetric", "rate": 0.6},
}


def test_a_loss_that_seeds_show_is_told_before_a_larger_one_that_they_do_not(sentence):
    losses = {"clean": [0, 0, 0], "sym40": [12.1, 12, 11.9], "sym60": [30, -6, 14]}
    found = sentence(
        lambda method, noise, seed: 40.0 - losses[noise][seed], seeds=(0, 1, 2), noise=SETTINGS
    )
    # t of two degrees for the middle 97.5 % is 6.205; times 0.1 / √3.
    assert "noise hurts: ce has 28.0 mask AP at sym40" in found
    assert (
        "(the loss of 12.0 has the 95 % interval 11.6 to 12.4 over 3 seeds, of 2 settings" in found
    )


def test_several_seeds_are_told_before_a_larger_loss_of_one(sentence):
    losses = {"clean": [0, 0, 0], "sym40": [12.1, 12, 11.9], "sym60": [30, None, None]}
    found = sentence(
        lambda method, noise, seed: (
            "not run" if losses[noise][seed] is None else 40.0 - losses[noise][seed]
        ),
        seeds=(0, 1, 2),
        noise=SETTINGS,
    )
    assert "noise hurts: ce has 28.0 mask AP at sym40" in found


def test_settings_without_a_loss_share_their_5_percent(sentence):
    """Losses 0.9 ± 0.36: 95 % alone give 0.0 to 1.8, of eight settings together they do not."""
    own = [0.54, 0.9, 1.26]
    noise = {"clean": None} | {
        f"sym{rate}": {"type": "symmetric", "rate": rate / 100} for rate in range(10, 90, 10)
    }
    one = {"clean": None, "sym10": noise["sym10"]}
    value = lambda method, label, seed: 40.0 - own[seed] * (label == "sym10")  # noqa: E731
    assert "noise hurts" in sentence(value, seeds=(0, 1, 2), noise=one).split("Not seen")[0]
    assert "noise hurts:" not in sentence(value, seeds=(0, 1, 2), noise=noise)


def test_a_gain_is_told_as_one(sentence):
    gains = [10, 12, 11]
    found = sentence(
        lambda method, noise, seed: 30.0 + gains[seed] * (noise == "sym40"), seeds=(0, 1, 2)
    )
    assert "(the gain of 11.0 has the 95 % interval 8.5 to 13.5 over 3 seeds)" in found


def test_seeds_that_give_the_same_loss_give_no_interval(sentence):
    found = sentence(lambda m, noise, _: 30.0 - 10 * (noise == "sym40"), seeds=(0, 1, 2))
    assert "(3 seeds, all with this loss: no spread was measured)" in found
    assert "interval" not in found


def test_runs_that_share_a_train_seed_are_one_draw(toy, tmp_path, record_of):
    suite = load_suite(str(write(toy).file), data_root=None, cache=tmp_path / "cache")
    pairs = [SeedPair(noise=noise, train=0) for noise in (0, 1, 2)]
    suite = replace(suite, seeds=pairs)
    runs = expand(suite, RunStore(tmp_path / "runs"))
    records = {run.key: record_of(run, 30.0 - (run.noise_seed or 0)) for run in runs}
    found = closing_sentence(suite, runs, records)
    assert "(3 runs that share a seed are one draw, here the first; another differs)" in found
    assert "sym40: runs that share a noise seed or a train seed are one draw." in found


def write(toy):
    toy.write()
    return toy
