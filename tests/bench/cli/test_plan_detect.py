"""`plan --detect`: as many seeds as see a difference, by the spread that runs had."""

import json
import math

import numpy as np
import pytest
import yaml
from scipy import stats

from noisyseg.results.records.store import RunStore

pytestmark = pytest.mark.usefixtures("counted_once")


def average(method, noise, seed):
    """Differences at equal seeds spread more on noisy labels; seeds 0 to 3."""
    spread = 2.0 if noise == "sym40" else 0.5
    own = np.random.default_rng([seed, len(noise), len(method)]).normal(0, spread)
    return 30 + seed + own


@pytest.fixture
def store(toy, tmp_path, record_of):
    """The folder of the toy suite's runs, of which four seeds are done."""
    out = tmp_path / "runs"
    toy.suite["seeds"] = [0, 1, 2, 3]
    toy.write()
    for run in toy.expand(out):
        RunStore(out).save(record_of(run, average(run.method_label, run.noise_label, run.seed)))
    toy.suite["seeds"] = [2]
    toy.write()
    return out


def seeds_by_simulation(sd, difference):
    """The fewest seeds whose paired t tests find it in 80 % of 20,000 drawn tables of two."""
    random = np.random.default_rng(0)
    for seeds in range(2, 200):
        drawn = random.normal(difference, sd, (20_000, seeds))
        t = drawn.mean(1) / (drawn.std(1, ddof=1) / math.sqrt(seeds))
        if np.mean(np.abs(t) > stats.t.ppf(0.975, seeds - 1)) >= 0.8:
            return seeds
    raise AssertionError("more than 200")


def test_the_setting_that_wants_most_decides(call, toy, store):
    done = call("plan", toy.file, "--out", store, "--detect", "3", "--json")
    assert done.status == 0, done.err
    document = json.loads(done.out)
    found = document["detection"]
    assert (found["difference"], found["power"], found["measured_on"]) == (3, 0.8, str(toy.file))
    for noise, need in found["settings"].items():
        ce, lncis = ([average(m, noise, seed) for seed in range(4)] for m in ("ce", "lncis"))
        sd = np.std(np.subtract(ce, lncis), ddof=1)
        assert abs(need["seeds"] - seeds_by_simulation(sd, 3.0)) <= 1
        assert need["low"] <= need["seeds"] <= need["high"]
        assert found["measured"][noise] == [2, 4]
    clean, sym40 = (found["settings"][noise]["seeds"] for noise in ("clean", "sym40"))
    assert clean < sym40 == found["seeds"]
    # The suite's own seed first, then those that it has not.
    seeds = list(dict.fromkeys(row["seed"] for row in document["runs"]))
    assert seeds == [2, *(seed for seed in range(sym40) if seed != 2)]
    assert document["total"]["runs"] == 2 * 2 * sym40
    assert document["total"]["done"] == 2 * 2 * 4


def test_it_is_told_in_a_sentence(call, toy, store):
    done = call("plan", toy.file, "--out", store, "--detect", "30", "--noise", "clean")
    last = done.out.splitlines()[-1]
    assert last.startswith("to see 30 AP between any two of 2 methods at 80 % power: 2 seeds. ")
    assert f"By the spread that runs of {toy.file} had in the pair that varied most" in last
    assert "and what it may truly be: clean 2 [" in last
    assert last.endswith("(of 2 methods with 4 seeds)")


def test_another_suite_of_the_store_tells_its_spread(call, toy, store):
    other = toy.file.with_name("other.yaml")
    text = toy.file.read_text().replace("name: toy\ndata", "name: other\ndata")
    other.write_text(
        text.replace("- lncis", "- lncis\n- sce").replace("protocol: smoke", "protocol: shapes-cpu")
    )
    alone = call("plan", other, "--out", store, "--detect", "3")
    assert (alone.status, alone.out) == (2, "")
    assert f"how much seeds change {other} is not known" in alone.err
    assert "--like SUITE" in alone.err
    done = call("plan", other, "--out", store, "--detect", "3", "--like", toy.file, "--json")
    assert done.status == 0, done.err
    found = json.loads(done.out)["detection"]
    assert (found["measured_on"], found["methods"]) == (str(toy.file), 3)
    two = json.loads(call("plan", toy.file, "--out", store, "--detect", "3", "--json").out)
    assert found["seeds"] >= two["detection"]["seeds"]  # three comparisons, not one


def test_a_variant_is_not_that_of_the_suite_that_tells_the_spread(call, toy, store):
    other = toy.file.with_name("other.yaml")
    variants = {name: {"model": "mask-rcnn-tiny", "protocol": "smoke"} for name in ("slow", "fast")}
    suite = {k: v for k, v in toy.suite.items() if k not in ("model", "protocol")}
    other.write_text(yaml.safe_dump({**suite, "name": "other", "variants": variants}))
    words = ("--out", store, "--detect", "3", "--json")
    done = call("plan", other, "--variant", "fast", "--like", toy.file, *words)
    assert done.status == 0, done.err
    document = json.loads(done.out)
    assert document["variant"] == "fast"
    assert document["detection"]["measured_on"] == str(toy.file)
    done = call("plan", toy.file, "--like", other, *words)  # its first
    assert done.status == 0, done.err


def test_a_variant_that_both_suites_have_is_that_of_both(call, toy, store):
    """The spread is known of one variant's runs alone."""
    files = [toy.file.with_name(f"{name}.yaml") for name in ("planned", "like")]
    variants = {
        "slow": {"model": "mask-rcnn-tiny", "protocol": "shapes-cpu"},
        "fast": {"model": "mask-rcnn-tiny", "protocol": "smoke"},
    }
    suite = {k: v for k, v in toy.suite.items() if k not in ("model", "protocol")}
    for file in files:
        file.write_text(yaml.safe_dump({**suite, "name": file.stem, "variants": variants}))
    planned, like = files
    words = ("--out", store, "--detect", "3", "--like", like)
    assert call("plan", planned, *words, "--variant", "fast").status == 0
    done = call("plan", planned, *words, "--variant", "slow")
    assert done.status == 2
    assert f"how much seeds change {like} is not known" in done.err


def test_masks_and_the_folder_of_the_data_are_of_the_suite_that_is_planned(
    call, toy, store, official
):
    """A plan of VOC's, by the spread of a suite that has its data elsewhere, and no masks."""
    for part in ("train", "eval"):
        entry = toy.suite["data"][part]
        toy.suite["data"][part] = {key: str(toy.root / path) for key, path in entry.items()}
    toy.write()
    words = ("--data-root", official, "--allow-partial", "--masks", "box", "--noise", "sym40")
    done = call(
        *("plan", "paper-table1-voc", *words, "--methods", "ce,lncis", "--out", store),
        *("--detect", "3", "--like", toy.file, "--json"),
    )
    assert done.status == 0, done.err
    found = json.loads(done.out)["detection"]
    assert (found["measured_on"], found["methods"]) == (str(toy.file), 2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--like", "quick"], "give --detect"),
        (["--detect", "2", "--seeds", "0,1"], "--detect decides the seeds"),
        (["--detect", "0"], "a difference in AP, above 0 and below 100, got '0'"),
        (["--detect", "nan"], "got 'nan'"),
        (["--detect", "2", "--methods", "ce"], "of which toy has 1 here"),
        (["--detect", "0.001"], "more than 1000 seeds"),
        (["--detect", "2", "--like", "quik"], "quick"),
    ],
)
def test_mistakes(call, toy, store, words, message):
    done = call("plan", toy.file, "--out", store, *words)
    assert (done.status, done.out) == (2, "")
    assert message in done.err


def test_without_it_nothing_is_said_of_it(call, toy, store):
    assert json.loads(call("plan", toy.file, "--out", store, "--json").out)["detection"] is None
    assert "to see" not in call("plan", toy.file, "--out", store).out


def test_a_planned_setting_whose_spread_is_unknown_is_named(call, toy, store):
    """The widest that is known stands for it, though clean labels are common to both."""
    other = toy.file.with_name("other.yaml")
    text = toy.file.read_text().replace("name: toy\ndata", "name: other\ndata")
    other.write_text(text.replace("sym40:", "sym60:"))
    common = call("plan", toy.file, "--out", store, "--detect", "2", "--json")
    wanted = json.loads(common.out)["detection"]
    done = call("plan", other, "--out", store, "--detect", "2", "--like", toy.file)
    last = done.out.splitlines()[-1]
    assert f"power: {wanted['seeds']} seeds. " in last
    assert last.endswith(". Not known: sym60, for which the widest spread stands")
