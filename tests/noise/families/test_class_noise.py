"""What holds for every type of class noise, of draws that follow its law."""

import math
from fractions import Fraction
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisyseg.noise.categories import Categories
from noisyseg.noise.draws import StepDraws
from noisyseg.noise.proportion import binomial_interval
from noisyseg.noise.spec import NoiseStep, make_step
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.types.registry import NOISE_TYPES

N = 200_000
RATES = [0.0, 0.1, 0.2, 0.4, 0.9, 1.0]


def class_step(step, table, draws):
    return NOISE_TYPES[step.type].family.outcome(step, table, draws)


def redraw(keep, targets):
    """A row that keeps its class with one probability and else takes any of a list."""
    own, rate, k = keep
    row = [0.0] * k
    row[own] += 1 - rate
    for target in targets:
        row[target] += rate / len(targets)
    return row


# Each case: type, parameters beside the rate, and the K × K matrix at a rate, from the definition.
def plain_symmetric(categories, rate, _):
    k = len(categories)
    return [redraw((i, rate, k), [j for j in range(k) if j != i]) for i in range(k)]


def scripts_symmetric(categories, rate, _):
    by_id = sorted(range(len(categories)), key=lambda i: categories[i]["id"])
    return [redraw((i, rate, len(by_id)), by_id[:-1]) for i in range(len(by_id))]


PAIRS = {"c2": "c3", "c3": "c2", "c10": "c11", "person": "c90"}


def plain_asymmetric(categories, rate, _):
    k, index = len(categories), {entry["name"]: i for i, entry in enumerate(categories)}
    return [
        redraw((i, rate, k), [index[PAIRS.get(entry["name"], entry["name"])]])
        for i, entry in enumerate(categories)
    ]


def scripts_asymmetric(categories, rate, _):
    k, index = len(categories), {entry["id"]: i for i, entry in enumerate(categories)}
    lists = [
        *((1, 9, [2, 3, 4, 5, 6, 7, 8]), (10, 15, [10, 11, 13, 14])),
        *((16, 25, range(16, 25)), (27, 33, [27, 28, 31, 32])),
        *((34, 43, [34, 36, 36, 37, 38, 39, 40, 41, 42]), (44, 51, [44, 46, 47, 48, 49, 50])),
        *((52, 61, range(52, 61)), (62, 70, [62, 63, 64, 65, 67]), (72, 77, range(72, 77))),
        *((78, 82, range(78, 82)), (84, 90, range(84, 90))),
    ]
    rows = []
    for i, entry in enumerate(categories):
        (targets,) = [found for low, high, found in lists if low <= entry["id"] <= high]
        rows.append(redraw((i, rate, k), [index[number] for number in targets]))
    return rows


def superclass_pairs(categories, rate, bits):
    k, partner = len(categories), {}
    for superclass in {entry["supercategory"] for entry in categories}:
        members = [
            (bits(1, "superclass-pairs/0/pair", entry["id"]) // 2**11, i)
            for i, entry in enumerate(categories)
            if entry["supercategory"] == superclass and entry["name"] != "person"
        ]
        if len(members) > 1:
            (_, one), (_, other) = sorted(members)[:2]
            partner |= {one: other, other: one}
    return [redraw((i, rate, k), [partner.get(i, i)]) for i in range(k)]


def superclass_uniform(categories, rate, _):
    k, groups = len(categories), [entry["supercategory"] for entry in categories]
    others = [[j for j in range(k) if groups[j] == groups[i] and j != i] or [i] for i in range(k)]
    return [redraw((i, rate, k), others[i]) for i in range(k)]


def some_matrix(categories):
    """Row-stochastic, with zeros, of fractions that are exact in binary."""
    k = len(categories)
    rows = [[0.0] * k for _ in range(k)]
    for i in range(k):
        for step, share in ((0, 0.25), (1, 0.5), (5, 0.125), (11, 0.125)):
            rows[i][(i + step) % k] += share
    rows[3] = [float(j == 3) for j in range(k)]
    return rows


def mixed_matrix(categories, rate, _):
    return (
        (1 - rate) * np.eye(len(categories)) + rate * np.array(some_matrix(categories))
    ).tolist()


def scores_by_class(categories):
    """The same scores for every annotation, so that instance-dependent noise has a matrix."""
    return np.random.default_rng(5).random(len(categories)).round(2)


def by_scores(categories, rate, _):
    k, scores = len(categories), scores_by_class(categories)
    grid = np.linspace(0, 1, 100_001)
    weights = np.exp(-0.5 * ((grid - rate) / 0.1) ** 2)
    leaving = 0.0 if rate == 0 else float((grid * weights).sum() / weights.sum())
    rows = []
    for i in range(k):
        others = [0.0 if j == i else scores[j] for j in range(k)]
        rows.append([leaving * value / sum(others) for value in others])
        rows[i][i] = 1 - leaving
    return rows


SCRIPTS = {"convention": "lncis-code"}
CASES = {
    "symmetric": ("symmetric", {}, plain_symmetric),
    "symmetric-scripts": ("symmetric", SCRIPTS, scripts_symmetric),
    "asymmetric": ("asymmetric", {"map": PAIRS}, plain_asymmetric),
    "asymmetric-scripts": ("asymmetric", {"map": "coco", **SCRIPTS}, scripts_asymmetric),
    "superclass-pairs": ("superclass-pairs", {}, superclass_pairs),
    "superclass-uniform": ("superclass-uniform", {}, superclass_uniform),
    "matrix": ("matrix", {}, mixed_matrix),
    "confusion": ("confusion", {}, mixed_matrix),
    "instance-dependent": ("instance-dependent", {}, by_scores),
}


@pytest.fixture(scope="module")
def table(make_table, coco_categories):
    return make_table(coco_categories, N)


@pytest.fixture(scope="module")
def step_of(coco_categories, table, tmp_path_factory):
    """The step of a case at a rate, for COCO's categories and the table."""
    names = [entry["name"] for entry in coco_categories]
    file = tmp_path_factory.mktemp("scores") / "s.npz"
    scores = np.broadcast_to(scores_by_class(coco_categories), (N, len(names)))
    np.savez(file, ids=table.numbers, scores=scores.astype(np.float32), classes=np.array(names))
    scored = make_step("instance-dependent", rate=0.4, scores=str(file), classes=names)
    made = {}

    def step(case, rate):
        if (case, rate) not in made:
            kind, parameters, matrix = CASES[case]
            parameters = dict(parameters)
            if "matrix" in NOISE_TYPES[kind].parameters:
                rows = matrix(coco_categories, rate, None)
                parameters["matrix"] = {"classes": names, "rows": rows}
            else:
                parameters["rate"] = rate
            if kind == "instance-dependent":
                made[case, rate] = NoiseStep(
                    type=kind, parameters={**scored.parameters, "rate": rate}
                )
            else:
                made[case, rate] = make_step(kind, classes=names, **parameters)
        return made[case, rate]

    return step


def draws_of(step, seed=1, occurrence=0):
    return StepDraws(seed=seed, kind=step.type, occurrence=occurrence)


def part(table, rows):
    """Some annotations of a table, in some order."""
    return AnnotationTable(
        categories=table.categories,
        numbers=table.numbers[rows],
        classes=table.classes[rows],
        crowds=table.crowds[rows],
    )


def test_every_type_of_class_noise_has_a_case():
    kinds = {name for name, kind in NOISE_TYPES.items() if kind.family.name == "class"}
    assert kinds == {kind for kind, _, _ in CASES.values()}
    with_conventions = {n for n, kind in NOISE_TYPES.items() if "convention" in kind.parameters}
    assert with_conventions == {k for k, given, _ in CASES.values() if "convention" in given}


@pytest.mark.parametrize("case", CASES)
def test_realised_flips_fit_the_specified_matrix(
    case, table, step_of, coco_categories, plain_bits, chi_square_limit
):
    step = step_of(case, 0.4)
    wanted = np.array(CASES[case][2](coco_categories, 0.4, plain_bits))
    law = NOISE_TYPES[step.type].family.law(step.parameters, table.categories, draws_of(step))
    stated = law.transition.matrix()
    if case != "instance-dependent":
        assert np.allclose(stated, wanted, rtol=0, atol=1e-12)
    after = class_step(step, table, draws_of(step)).classes
    touched = np.ones(N, dtype=bool) if step.parameters["crowds"] else ~table.crowds
    k = len(coco_categories)
    pairs = table.classes[touched] * k + after[touched]
    counts = np.bincount(pairs, minlength=k * k).reshape(k, k)
    expected = counts.sum(axis=1, keepdims=True) * wanted
    assert (counts[wanted == 0] == 0).all()
    possible = wanted > 0
    chi_square = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    assert chi_square < chi_square_limit(int(possible.sum()) - k)
    assert (after[~touched] == table.classes[~touched]).all()


@pytest.mark.parametrize("case", CASES)
def test_the_report_tells_what_was_done(case, table, step_of, coco_categories, plain_bits):
    step = step_of(case, 0.4)
    outcome = class_step(step, table, draws_of(step))
    report = outcome.report
    wanted = np.array(CASES[case][2](coco_categories, 0.4, plain_bits))
    touched = np.ones(N, dtype=bool) if step.parameters["crowds"] else ~table.crowds
    source = wanted.diagonal() < 1
    eligible = touched & source[table.classes]
    flipped = table.classes != outcome.classes
    assert report["type"] == step.type
    assert report["intended_rate"] == step.parameters.get("rate")
    assert report["eligible"] == eligible.sum()
    assert report["flipped"] == flipped.sum()
    assert report["rate_of_eligible"] == flipped.sum() / eligible.sum()
    assert report["rate_of_all"] == flipped.sum() / touched.sum()
    for key, mask in (("eligible", eligible), ("flipped", flipped)):
        assert report["per_class"][key] == [
            int(((table.classes == n) & mask).sum()) for n in range(len(coco_categories))
        ]
    foreseen = (1 - wanted.diagonal())[table.classes[eligible]].sum()
    assert report["expected_flips"] == pytest.approx(foreseen, rel=1e-6)
    spread = math.sqrt(foreseen * (1 - foreseen / eligible.sum()))
    assert abs(flipped.sum() - foreseen) < 4 * spread
    low, high = report["rate_of_eligible_interval"]
    assert low < report["rate_of_eligible"] < high
    assert ("detail" in report) == (case == "superclass-pairs")


# Real rates of the scripts: all but one of the redraws change the class, the last class's all.
@pytest.mark.parametrize(("k", "share"), [(20, 18 / 19), (8, 6 / 7), (80, 78 / 79)])
def test_the_scripts_real_rates(k, share, make_table):
    categories = [{"id": n, "name": f"c{n}"} for n in range(k, 0, -1)]
    table = make_table(categories, N)
    step = make_step("symmetric", rate=0.4, classes=[c["name"] for c in categories], **SCRIPTS)
    after = class_step(step, table, draws_of(step)).classes
    last = 0  # the highest id comes first in the file
    assert not ((after == last) & (table.classes != last)).any()
    assert ((after != table.classes) & table.crowds).any()
    for members, rate in ((table.classes == last, 0.4), (table.classes != last, 0.4 * share)):
        flips = int((after != table.classes)[members].sum())
        size = int(members.sum())
        assert abs(flips - size * rate) < 4 * math.sqrt(size * rate * (1 - rate))


@pytest.mark.parametrize("case", CASES)
def test_what_flips_at_a_low_rate_flips_to_the_same_class_at_a_higher_one(case, table, step_of):
    few = part(table, np.arange(20_000))
    results = [
        class_step(step, few, draws_of(step)).classes
        for step in (step_of(case, rate) for rate in RATES)
    ]
    assert (results[0] == few.classes).all()
    for low, high in pairwise(results):
        flipped = low != few.classes
        assert (high[flipped] == low[flipped]).all()
        assert (high != few.classes).sum() > flipped.sum()


@pytest.mark.parametrize("k", [2, 3, 20])
def test_symmetric_flips_never_keep_the_class(k, make_table):
    categories = [{"id": n, "name": f"c{n}"} for n in range(k)]
    table = make_table(categories, 20_000)
    step = make_step("symmetric", rate=1.0, crowds=True, classes=[c["name"] for c in categories])
    after = class_step(step, table, draws_of(step)).classes
    assert (after != table.classes).all()
    assert len(set(zip(table.classes.tolist(), after.tolist(), strict=True))) == k * (k - 1)


def test_superclass_noise_stays_in_its_superclass(table, step_of, coco_categories):
    groups = np.array([entry["supercategory"] for entry in coco_categories])
    for case in ("superclass-pairs", "superclass-uniform"):
        after = class_step(step_of(case, 1.0), table, draws_of(step_of(case, 1.0))).classes
        assert (groups[after] == groups[table.classes]).all()
        person = table.classes == 0
        assert (after[person] == 0).all()
        assert not (after[~person] == 0).any()


@pytest.mark.parametrize("case", CASES)
def test_seeds_and_occurrences_give_other_flips(case, table, step_of):
    step = step_of(case, 0.9)
    few = part(table, np.arange(20_000))
    drawn = (draws_of(step), draws_of(step, seed=2), draws_of(step, occurrence=1))
    flips = [class_step(step, few, draws).classes for draws in drawn]
    assert (flips[0] != flips[1]).any()
    assert (flips[0] != flips[2]).any()
    assert (flips[1] != flips[2]).any()


def test_other_seeds_flip_independently(table, step_of):
    step = step_of("symmetric", 0.4)
    base, *others = (
        (class_step(step, table, draws).classes != table.classes)[~table.crowds]
        for draws in (draws_of(step), draws_of(step, seed=2), draws_of(step, occurrence=1))
    )
    for other in others:
        # Independent events of probability 0.4 coincide with probability 0.16.
        assert abs((base & other).mean() - 0.16) < 4 * math.sqrt(0.16 * 0.84 / len(base))


@pytest.mark.parametrize("case", CASES)
@given(
    rows=st.lists(st.integers(0, N - 1), min_size=1, max_size=40, unique=True),
    rate=st.sampled_from(RATES[1:]),
    seed=st.integers(0, 2**64 - 1),
    data=st.data(),
)
@settings(derandomize=True, deadline=None, database=None, max_examples=25)
def test_order_and_company_do_not_matter(case, table, step_of, rows, rate, seed, data):
    step = step_of(case, rate)
    draws = draws_of(step, seed=seed)
    whole = class_step(step, part(table, np.array(rows)), draws)
    shuffled = data.draw(st.permutations(rows))
    again = class_step(step, part(table, np.array(shuffled)), draws)
    of_row = dict(zip(rows, whole.classes.tolist(), strict=True))
    assert again.classes.tolist() == [of_row[row] for row in shuffled]
    assert again.report == whole.report
    some = shuffled[: len(shuffled) // 2]
    alone = class_step(step, part(table, np.array(some, dtype=np.int64)), draws)
    assert alone.classes.tolist() == [of_row[row] for row in some]


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_changed_of_nothing(case, table, step_of):
    step = step_of(case, 0.4)
    nothing = part(table, np.array([], dtype=np.int64))
    outcome = class_step(step, nothing, draws_of(step))
    assert outcome.classes.shape == (0,)
    report = outcome.report
    assert report["eligible"] == report["flipped"] == report["expected_flips"] == 0
    assert report["rate_of_eligible"] is report["rate_of_all"] is None
    assert report["rate_of_eligible_interval"] is None


def test_the_input_is_left_alone(table, step_of):
    few = part(table, np.arange(1000))
    before = few.classes.copy()
    class_step(step_of("symmetric", 1.0), few, draws_of(step_of("symmetric", 1.0)))
    assert (few.classes == before).all()


def test_crowds_are_left_alone_unless_asked(make_table):
    categories = [{"id": n, "name": f"c{n}"} for n in range(3)]
    table = make_table(categories, 500)
    names = [entry["name"] for entry in categories]
    for crowds in (False, True):
        step = make_step("symmetric", rate=1.0, crowds=crowds, classes=names)
        after = class_step(step, table, draws_of(step)).classes
        assert ((after != table.classes) == (crowds | ~table.crowds)).all()


@pytest.mark.parametrize(
    ("successes", "trials"), [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (40_123, 100_000)]
)
def test_the_interval_holds_the_proportions_that_the_score_test_accepts(successes, trials):
    # Wilson's limits are the p for which |successes/trials - p| is 1.96 standard errors at p: the
    # roots of (n + z²) p² - (2 x + z²) p + x²/n, here in fractions and by bisection.
    z2 = Fraction(NormalDist().inv_cdf(0.975)) ** 2
    x, n = Fraction(successes), Fraction(trials)

    def surplus(p):
        return (x / n - p) ** 2 - z2 * p * (1 - p) / n

    def root(inside, outside):
        for _ in range(60):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if surplus(middle) <= 0 else (inside, middle)
        return float(inside)

    low, high = binomial_interval(successes, trials)
    share = x / n
    assert low == pytest.approx(root(share, Fraction(0)) if successes else 0.0, abs=1e-9)
    assert high == pytest.approx(root(share, Fraction(1)) if successes < trials else 1.0, abs=1e-9)
    assert binomial_interval(0, 0) is None


def test_table_of_a_document(make_document):
    document = make_document(["cat", "dog"], per_class=2, crowds=1)
    del document["annotations"][0]["iscrowd"]
    found = AnnotationTable.of(document)
    assert found.numbers.tolist() == [1000, 1017, 1034, 1051, 1068]
    assert found.classes.tolist() == [0, 1, 0, 1, 0]
    assert found.crowds.tolist() == [False, False, False, False, True]
    assert found.categories == Categories(
        ids=(3, 13), names=("cat", "dog"), supercategories=(None, None)
    )
