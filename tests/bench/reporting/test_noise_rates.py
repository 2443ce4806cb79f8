"""Which noise settings have a kind and a rate, and which may be grouped by them."""

from types import SimpleNamespace

from noisyseg.bench.reporting.noise_rates import column_groups, noise_rates


def run(noise, steps):
    spec = {"noise": None if steps is None else {"seed": 0, "steps": steps}}
    return SimpleNamespace(noise_label=noise, spec=spec)


def step(kind, rate=None):
    return {"type": kind} if rate is None else {"type": kind, "rate": rate}


def test_only_noise_of_one_step_with_a_rate_has_a_rate():
    runs = [
        run("clean", None),
        run("sym40", [step("symmetric", 0.4)]),
        run("matrix", [step("matrix")]),
        run("both", [step("symmetric", 0.4), step("missing", 0.1)]),
    ]
    assert noise_rates(runs) == {"clean": None, "sym40": ("symmetric", 0.4)}


def test_settings_of_one_kind_and_rate_are_not_grouped():
    runs = [
        run("clean", None),
        run("sym20", [step("symmetric", 0.2)]),
        run("sym40", [step("symmetric", 0.4)]),
        run("sym40-others", [step("symmetric", 0.4)]),
    ]
    assert column_groups(runs) == {"sym20": ("symmetric", 0.2)}
