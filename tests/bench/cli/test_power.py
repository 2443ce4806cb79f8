"""`power`: what a store's seeds can tell, mostly from records without predictions."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from noisyseg.bench.config.suite import SeedPair, load_suite
from noisyseg.bench.runs.grid import expand
from noisyseg.results.records.store import RunStore

NO_IMAGES = ("--draws", "0")


@pytest.fixture
def recorded(toy, tmp_path, record_of):
    """Makes the toy suite's records at some seeds; value(method, noise, seed) is their mask AP."""

    def make(seeds, value):
        toy.suite["seeds"] = seeds
        toy.write()
        out = tmp_path / "runs"
        store = RunStore(out)
        for run in toy.expand(out):
            found = value(run.method_label, run.noise_label, run.seed)
            if found is not None:
                store.save(record_of(run, found))
        toy.suite["seeds"] = [0]
        toy.write()
        return out

    return make


def drawn(method, noise, seed):
    """lncis some 3 AP above ce, at equal seeds by a spread of 0.5; seeds alone spread by 2."""
    shared = np.random.default_rng([seed, len(noise)]).normal(0, 2)
    own = np.random.default_rng([seed, len(noise), len(method)]).normal(0, 0.35)
    return 30 + shared + own + 3 * (method == "lncis")


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_seeds_of_the_store_count(call, toy, recorded):
    out = recorded([0, 1, 2, 3, 4], drawn)
    before = contents(out)
    done = call("power", toy.file, "--out", out, *NO_IMAGES, "--json")
    assert done.status == 0, done.err
    assert contents(out) == before
    clean, sym40 = json.loads(done.out)["settings"]
    assert (clean["noise"], sym40["noise"]) == ("clean", "sym40")
    for setting in (clean, sym40):
        assert (setting["compared"], setting["seeds"]) == (["ce", "lncis"], list("01234"))
        own = [
            np.array([drawn(method, setting["noise"], seed) for seed in range(5)])
            for method in ("ce", "lncis")
        ]
        wanted = np.std(own[1] - own[0], ddof=1)
        assert setting["spread"]["difference"]["value"] == pytest.approx(wanted)
        # One comparison: a paired t test of 5 seeds.
        least = stats.t.ppf(0.975, 4) * wanted / 5**0.5
        assert setting["significant"] == pytest.approx([least, least])
        assert [pair["half"] for pair in setting["differences"]] == pytest.approx([least])
        assert setting["images_cell"] is None
        assert [need["difference"] for need in setting["needed"]] == [1, 2, 4]


def test_chosen_seeds_narrow_it(call, toy, recorded):
    out = recorded([0, 1, 2, 3, 4], drawn)
    done = call("power", toy.file, "--out", out, *NO_IMAGES, "--seeds", "1,3,4", "--json")
    assert json.loads(done.out)["settings"][0]["seeds"] == ["1", "3", "4"]


def test_its_table(call, toy, recorded):
    out = recorded([0, 1, 2], drawn)
    done = call("power", toy.file, "--out", out, *NO_IMAGES)
    assert done.status == 0
    lines = done.out.splitlines()
    assert "|  | clean | sym40 |" in lines
    assert "| methods × seeds | 2 × 3 | 2 × 3 |" in lines
    assert "| … by evaluation images alone | — | — |" in lines
    assert any(line.startswith("| seeds to see a difference of 2 | ") for line in lines)


def test_one_seed_tells_nothing_and_says_so(call, toy, recorded):
    out = recorded([0], drawn)
    done = call("power", toy.file, "--out", out, *NO_IMAGES)
    assert done.status == 0
    assert "| sd of a difference at equal seeds | — | — |" in done.out
    assert (
        "clean: how methods differ is not known: one seed tells nothing of that. Runs with a "
        "number: ce with 1, lncis with 1." in done.out
    )


def test_a_seed_that_one_method_lacks_is_left_out_and_named(call, toy, recorded):
    out = recorded(
        [0, 1, 2],
        lambda method, noise, seed: (
            None if (method, noise, seed) == ("lncis", "clean", 1) else drawn(method, noise, seed)
        ),
    )
    done = call("power", toy.file, "--out", out, *NO_IMAGES)
    assert "| methods × seeds | 2 × 2 | 2 × 3 |" in done.out
    assert "clean: reliability and sd of a difference are of" in done.out
    assert "without ce seed 1; two methods are told apart by all seeds that they share." in done.out


def test_one_method_alone_has_a_spread(call, toy, recorded):
    out = recorded([0, 1, 2], drawn)
    done = call("power", toy.file, "--out", out, *NO_IMAGES, "--methods", "ce", "--json")
    for setting in json.loads(done.out)["settings"]:
        wanted = np.std([drawn("ce", setting["noise"], seed) for seed in range(3)], ddof=1)
        assert setting["cell"] == pytest.approx(wanted)
        assert setting["spread"] is None


def test_pairs_that_are_told_apart_are_named_and_methods_without_a_number(call, toy, recorded):
    toy.suite["methods"] = ["ce", "lncis", "sce"]
    out = recorded(
        [0, 1, 2], lambda method, *rest: None if method == "sce" else drawn(method, *rest)
    )
    done = call("power", toy.file, "--out", out, *NO_IMAGES)
    assert "clean: told apart: lncis above ce by " in done.out
    assert "clean: without a number: sce." in done.out
    done = call("power", toy.file, "--out", out, *NO_IMAGES, "--baseline", "sce")
    assert "clean: how methods differ is not known: sce has no number." in done.out
    assert "| comparisons | — | — |" in done.out


def test_relative_ap_says_nothing_of_clean_labels(call, toy, recorded):
    """There it is 100 by definition."""
    out = recorded([0, 1, 2], drawn)
    done = call("power", toy.file, "--out", out, *NO_IMAGES, "--metric", "relative.AP", "--json")
    assert [setting["noise"] for setting in json.loads(done.out)["settings"]] == ["sym40"]


def test_a_metric_that_no_run_has(call, toy, recorded):
    out = recorded([0, 1, 2], drawn)
    done = call(
        *("power", toy.file, "--out", out, *NO_IMAGES),
        *("--metric", "memorised", "--noise", "clean"),
    )
    assert (done.status, done.out) == (2, "")
    assert "no run in" in done.err
    assert "that is done has a number for memorised" in done.err


def test_equal_numbers_are_no_certainty(call, toy, recorded):
    out = recorded([0, 1, 2], lambda method, *_: 30.0 + (method == "lncis"))
    done = call("power", toy.file, "--out", out, *NO_IMAGES)
    assert "not known: these seeds gave the same differences, no spread was measured" in done.out
    assert "| comparisons | 1 (0 told apart, 0 can be tested) |" in done.out
    assert "| reliability of one seed | — | — |" in done.out
    assert "| seeds to see a difference of 1 | — | — |" in done.out


def test_nothing_done(call, toy, tmp_path):
    absent = call("power", toy.file, "--out", tmp_path / "nothing", *NO_IMAGES)
    assert (absent.status, absent.out) == (2, "")
    assert f"no such store: {tmp_path / 'nothing'}" in absent.err
    (tmp_path / "empty").mkdir()
    done = call("power", toy.file, "--out", tmp_path / "empty", *NO_IMAGES)
    assert (done.status, done.out) == (2, "")
    assert "no run in" in done.err
    assert not (tmp_path / "nothing").exists()


def test_a_baseline_leaves_fewer_comparisons(call, toy, recorded):
    out = recorded([0, 1, 2], drawn)
    done = call("power", toy.file, "--out", out, *NO_IMAGES, "--baseline", "ce", "--json")
    assert [setting["pairs"] for setting in json.loads(done.out)["settings"]] == [1, 1]
    done = call("power", toy.file, "--out", out, *NO_IMAGES, "--baseline", "cee")
    assert done.status == 2
    assert "Did you mean 'ce'" in done.err


def test_pairs_of_seeds_tell_noise_and_train_seeds_apart(call, toy, tmp_path, record_of):
    out = tmp_path / "runs"
    store = RunStore(out)
    suite = load_suite(str(toy.file), data_root=None, cache=tmp_path / "cache")
    pairs = [SeedPair(noise=n, train=t) for n in (0, 1) for t in (0, 1)]
    for run in expand(replace(suite, seeds=pairs), store):
        noise_part = 4.0 * (run.noise_seed or 0)
        store.save(record_of(run, 30.0 + noise_part + (run.method_label == "lncis")))
    done = call(
        *("power", toy.file, "--out", out, *NO_IMAGES),
        *("--noise-seeds", "0,1", "--train-seeds", "0,1", "--json"),
    )
    _, sym40 = json.loads(done.out)["settings"]
    assert sym40["seeds"] == ["0", "1"]  # the others share one with these
    assert sym40["sd_noise"] == pytest.approx(np.std([0, 4], ddof=1))
    assert sym40["sd_train"] == sym40["sd_rest"] == 0
    text = call(
        *("power", toy.file, "--out", out, *NO_IMAGES),
        *("--noise-seeds", "0,1", "--train-seeds", "0,1"),
    ).out
    assert "sym40: runs that share a noise seed or a train seed are no new draws" in text


def test_a_product_that_lacks_a_run_tells_noise_and_train_seeds_apart(
    call, toy, tmp_path, record_of
):
    out = tmp_path / "runs"
    suite = load_suite(str(toy.file), data_root=None, cache=tmp_path / "cache")
    pairs = [SeedPair(noise=n, train=t) for n in range(3) for t in range(3)]
    for run in expand(replace(suite, seeds=pairs), RunStore(out)):
        if run.seeds != (2, 2):
            RunStore(out).save(record_of(run, 30.0 + 4 * (run.noise_seed or 0)))
    chosen = ("--noise-seeds", "0,1,2", "--train-seeds", "0,1,2")
    done = call("power", toy.file, "--out", out, *NO_IMAGES, *chosen, "--json")
    _, sym40 = json.loads(done.out)["settings"]
    # Halved squares of pairs of one train seed: 8, 8, 32 twice, and 8 where one is missing.
    assert sym40["sd_noise"] == pytest.approx(math.sqrt((2 * 48 + 8) / 7))
    assert sym40["sd_train"] == sym40["sd_rest"] == 0
    text = call("power", toy.file, "--out", out, *NO_IMAGES, *chosen).out
    assert "| … by neither | — | 0.0 |" in text


def test_a_record_that_does_not_hold_is_named_and_stays(call, toy, recorded):
    out = recorded([0, 1, 2], drawn)
    path = next(iter(sorted(out.rglob("record.json"))))
    path.write_text(path.read_text().replace('"AP":', '"AP" :', 1).replace("3", "4", 1))
    before = contents(out)
    done = call("power", toy.file, "--out", out, *NO_IMAGES)
    assert done.status == 0
    assert str(path.parent) in done.err
    assert contents(out) == before


# In tables and pages


def told(method, noise, seed):
    """At clean lncis is 9 above ce, at equal seeds by 0.5; at sym40 by nothing."""
    own = np.random.default_rng([seed, len(method)]).normal(0, 0.35)
    return 30 + own + seed + 9 * (method == "lncis" and noise == "clean")


def test_a_tables_caption_names_the_columns_that_tell_nothing(call, toy, recorded):
    out = recorded([0, 1, 2], told)
    done = call("table", toy.file, "--out", out, "--seeds", "0,1,2")
    assert "over n seeds. No two methods are told apart by these seeds at sym40." in done.out
    lines = done.out.rstrip().splitlines()
    assert lines[-1].startswith("What these seeds can tell (at equal seeds, 5 % over all pairs")
    # The paired t test's own: of three differences at equal seeds.
    differences = [told("lncis", "sym40", seed) - told("ce", "sym40", seed) for seed in range(3)]
    least = stats.t.ppf(0.975, 2) * np.std(differences, ddof=1) / 3**0.5
    assert f"sym40 {least:.1f} (2 methods, 3 seeds in common)." in lines[-1]
    assert abs(np.mean(differences)) < least


def test_a_table_that_tells_methods_apart_has_no_such_caption(call, toy, recorded):
    out = recorded([0, 1, 2], told)
    done = call("table", toy.file, "--out", out, "--seeds", "0,1,2", "--noise", "clean")
    assert "No two methods" not in done.out
    assert "What these seeds can tell" in done.out


def test_a_table_of_one_seed_says_that_it_has_no_interval(call, toy, recorded):
    out = recorded([0], told)
    done = call("table", toy.file, "--out", out)
    assert "One seed gives no interval." in done.out
    assert "told apart" not in done.out
    line = "Which method is better at clean, sym40: one seed tells nothing of that."
    assert done.out.rstrip().splitlines()[-1] == line


@pytest.mark.parametrize("kind", ["latex", "html", "json"])
def test_other_formats_say_it_too(call, toy, recorded, kind):
    out = recorded([0, 1, 2], told)
    done = call("table", toy.file, "--out", out, "--seeds", "0,1,2", "--format", kind)
    assert "What these seeds can tell" in done.out
    assert "No two methods are told apart by these seeds at sym40." in done.out


def test_the_page_shows_it(call, toy, recorded):
    out = recorded([0, 1, 2], told)
    assert call("report", toy.file, "--out", out).status == 0
    page = Path("toy.html").read_text()
    assert '<h2 id="power">What the seeds can tell</h2>' in page
    assert '<th scope="row">methods × seeds</th><td>2 × 3</td><td>2 × 3</td>' in page
    assert "by evaluation images alone" not in page  # which were not asked for


def test_a_page_without_runs_has_no_such_section(call, toy, tmp_path):
    (tmp_path / "runs").mkdir()
    assert call("report", toy.file, "--out", tmp_path / "runs").status == 0
    page = Path("toy.html").read_text()
    assert "What the seeds can tell" not in page


def test_run_ends_with_what_was_seen_and_what_was_not(call, toy, recorded):
    out = recorded([0], told)
    done = call("run", toy.file, "--out", out)
    assert done.status == 0
    assert "Seen: ce has " in done.err
    assert "Not seen: which method is better at clean, sym40: one seed" in done.err
    assert "Seen" not in done.out  # which is the table alone
