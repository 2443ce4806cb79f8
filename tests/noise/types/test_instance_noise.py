import math

import numpy as np
import pytest

from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.noise.categories import Categories
from noisyseg.noise.draws import Purpose, StepDraws
from noisyseg.noise.spec import make_step
from noisyseg.noise.types import instance_noise
from noisyseg.noise.types.instance_noise import ByScores, mean_own_rate, own_rates
from noisyseg.noise.types.scores import Scores

CLASSES = ["cat", "dog", "cow"]
CATEGORIES = Categories.of({"categories": [{"id": n, "name": c} for n, c in enumerate(CLASSES)]})
DRAWS = StepDraws(seed=1, kind="instance-dependent")
SCORES = [[0.5, 0.5, 0.0], [0.1, 0.6, 0.3], [1.0, 0.0, 0.0], [0.2, 0.2, 0.6]]
IDS = [7, 3, 2**40, 5]


@pytest.fixture
def save(tmp_path):
    def write(ids=IDS, scores=SCORES, classes=CLASSES, **more):
        np.savez(
            tmp_path / "s.npz",
            ids=np.array(ids),
            scores=np.array(scores),
            classes=np.array(classes),
            **more,
        )
        return tmp_path

    return write


def law(folder, rate=0.4, categories=CATEGORIES):
    step = make_step(
        "instance-dependent",
        rate=rate,
        scores="s.npz",
        classes=CLASSES,
        base=folder,
        where="suite.yaml, line 9",
    )
    return instance_noise.instance_dependent(step.parameters, categories, DRAWS).transition


def density(x, rate):
    return np.exp(-0.5 * ((x - rate) / 0.1) ** 2)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.4, 0.95, 1.0])
def test_own_rates_are_the_quantiles_of_the_cut_normal(rate):
    # Independently: integrate the density over [0, 1] numerically and invert it.
    grid = np.linspace(0, 1, 200_001)
    heights = density(grid, rate)
    cumulated = np.concatenate([[0], np.cumsum((heights[1:] + heights[:-1]) / 2)])
    cumulated /= cumulated[-1]
    draws = np.array([0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999])
    wanted = np.interp(draws, cumulated, grid)
    assert np.abs(own_rates(rate, draws) - wanted).max() < 1e-6
    mean = float((grid * heights).sum() / heights.sum())
    assert mean_own_rate(rate) == pytest.approx(mean, abs=1e-5)


def test_own_rates_stay_in_range_at_the_ends_and_rise_with_the_rate():
    ends = np.array([0.0, 2.0**-53, 1 - 2.0**-53])
    before = own_rates(0.0, ends)
    assert (before == 0).all()
    for rate in (1e-9, 0.01, 0.1, 0.3, 0.5, 0.9, 1.0):
        found = own_rates(rate, ends)
        assert ((found >= before) & (found <= 1)).all()
        before = found
    draws = np.linspace(0, 1, 501)[1:-1]
    rows = np.array([own_rates(rate, draws) for rate in np.linspace(0, 1, 41)])
    assert (np.diff(rows, axis=0) >= 0).all()  # what makes flips nest
    assert (np.diff(rows, axis=1) >= 0).all()
    assert mean_own_rate(0.0) == 0


def test_it_is_the_definition_applied_to_one_annotation_at_a_time(save, monkeypatch):
    random = np.random.default_rng(3)
    n = 500
    ids = random.permutation(10_000)[:n]
    scores = random.random((n, 3)).astype(np.float32)
    scores[random.random((n, 3)) < 0.3] = 0
    classes = random.integers(3, size=n)
    # The file's classes in another order than the scores'.
    found = law(save(ids, scores, ["cow", "cat", "dog"]), rate=0.6)
    words = ids.astype(np.uint64)
    own = own_rates(0.6, DRAWS.uniform(Purpose.STRENGTH, words))
    flip = DRAWS.uniform(Purpose.FLIP, words)
    target = DRAWS.uniform(Purpose.TARGET, words)
    wanted, able = [], 0
    for n, y in enumerate(classes.tolist()):
        chances = {"cat": scores[n, 1], "dog": scores[n, 2], "cow": scores[n, 0]}
        weights = [0.0 if c == CLASSES[y] else float(chances[c]) for c in CLASSES]
        able += sum(weights) > 0
        if flip[n] >= own[n] or not sum(weights):
            wanted.append(y)
            continue
        place, left = 0, target[n] * math.fsum(weights)
        while left >= weights[place]:
            left -= weights[place]
            place += 1
        wanted.append(place)
    assert found.redraw(words, classes, DRAWS).tolist() == wanted
    assert found.expected_flips(words, classes) == pytest.approx(able * mean_own_rate(0.6))
    assert 0 < able < len(classes)
    assert found.matrix() is None
    assert found.sources.all()
    monkeypatch.setattr(instance_noise, "_BLOCK", 7)
    assert found.redraw(words, classes, DRAWS).tolist() == wanted
    assert found.expected_flips(words, classes) == pytest.approx(able * mean_own_rate(0.6))


@pytest.mark.parametrize("row", [[0.5, 0.0, 0.1, 0.3, 0.0], [0.5, 0.0, 0.2, 0.1, 0.6]])
def test_the_ends_of_the_target_draw_find_classes_with_a_score(row):
    class Ends:
        def uniform(self, purpose, ids):
            values = {Purpose.STRENGTH: 0.5, Purpose.FLIP: 0.0, Purpose.TARGET: self.target}
            return np.full(len(ids), values[purpose])

    names = [*CLASSES, "hen", "owl"]
    found = ByScores(
        rate=0.5,
        scores=Scores(
            ids=np.array([7], dtype=np.uint64), probabilities=np.array([row]), classes=tuple(names)
        ),
        order=(0, 1, 2, 3, 4),
    )
    ends = Ends()
    possible = [j for j in range(1, 5) if row[j] > 0]
    # A product may be rounded up to the sum, as a draw of 1 would be.
    for ends.target, wanted in (
        (0.0, possible[0]),
        (1 - 2**-53, possible[-1]),
        (1.0, possible[-1]),
    ):
        assert found.redraw(np.array([7], dtype=np.uint64), np.array([0]), ends) == [wanted]


def test_an_annotation_without_a_score_for_another_class_stays(save):
    found = law(save(), rate=1.0)
    words = np.array(IDS, dtype=np.uint64)
    for seed in range(20):
        draws = StepDraws(seed=seed, kind="instance-dependent")
        after = found.redraw(words, np.zeros(4, dtype=np.int64), draws)
        assert after[2] == 0
        assert after[0] in (0, 1)


def test_ids_below_zero_are_found(save):
    found = law(save(ids=[-5, 3, 2, 1]), rate=1.0)
    words = np.array([-5, 1]).astype(np.uint64)
    assert found.redraw(words, np.array([0, 0]), DRAWS).shape == (2,)


def test_lacking_annotations_are_told(save):
    scores = law(save()).scores
    words = np.array([7, 8, -9]).astype(np.uint64)
    with pytest.raises(InputError, match=r"scores lack 2 of 3 annotations, e\.g\. id 8"):
        scores.places(words)
    with pytest.raises(InputError, match=r"e\.g\. id -9"):
        scores.places(words[2:])
    nothing = law(save(ids=np.zeros(0, dtype=int), scores=np.zeros((0, 3)))).scores
    with pytest.raises(InputError, match="scores lack 1 of 1"):
        nothing.places(words[:1])


def test_scores_of_other_classes_are_refused(save):
    with pytest.raises(
        InputError, match="scores are of the classes cat, dog, hen; the annotations"
    ):
        law(save(classes=["cat", "dog", "hen"]))


def test_a_spec_holds_the_scores_by_content(save, tmp_path):
    folder = save()
    given = {"rate": 0.4, "classes": CLASSES, "base": folder}
    step = make_step("instance-dependent", scores="s.npz", **given)
    assert step.resolved()["scores"] == {"sha256": sha256_file(tmp_path / "s.npz")}
    (tmp_path / "s.npz").rename(tmp_path / "t.npz")
    assert make_step("instance-dependent", scores="t.npz", **given) == step


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": [1.0, 2.0, 3.0, 4.0]}, r"wanted ids \(N,\) of integers.*\(4,\) of float64"),
        ({"ids": [[7], [3], [2], [5]]}, r"got \(4, 1\) of int64"),
        ({"ids": 7}, r"got \(\) of int64"),
        ({"ids": [1, 2, 3]}, r"got \(3,\)"),
        ({"ids": [7, 3, 7, 5]}, "an annotation id is there twice"),
        ({"scores": [0.1, 0.2]}, r"scores \(N, K\)"),
        ({"scores": [["a", "b", "c"]] * 4}, "of numbers"),
        ({"classes": ["cat", "dog"]}, r"classes \(K,\)"),
        ({"classes": [CLASSES]}, r"classes \(K,\) of texts"),
        ({"classes": [1, 2, 3]}, "of texts"),
        ({"scores": [[0.5, 0.5, math.nan], *SCORES[1:]]}, "finite and at least 0"),
        ({"scores": [[0.5, 0.5, math.inf], *SCORES[1:]]}, "finite and at least 0"),
        ({"scores": [[0.5, 0.5, -0.1], *SCORES[1:]]}, "finite and at least 0"),
    ],
)
def test_bad_scores_are_refused_with_their_place(change, message, save, tmp_path):
    save(**change)
    with pytest.raises(InputError, match=message) as caught:
        law(tmp_path)
    assert str(caught.value).startswith(f"suite.yaml, line 9, scores {tmp_path / 's.npz'}: ")


def test_unreadable_scores_are_refused(tmp_path, save):
    with pytest.raises(InputError, match="cannot read it: No such file"):
        law(tmp_path)
    whole = (save() / "s.npz").read_bytes()
    np.save(tmp_path / "plain.npy", np.zeros(3))
    for data in (
        *(b"", b"text", whole[: len(whole) // 2], whole[:-30], b"PK\x03\x04"),
        (tmp_path / "plain.npy").read_bytes(),
    ):
        (tmp_path / "s.npz").write_bytes(data)
        with pytest.raises(InputError, match="wanted an NPZ file with the arrays") as caught:
            law(tmp_path)
        assert "\n" not in str(caught.value)
    np.savez(tmp_path / "s.npz", ids=np.array(IDS))
    with pytest.raises(InputError, match="scores"):
        law(tmp_path)
    with pytest.raises(InputError, match="must be the path of an NPZ file, got 3"):
        make_step("instance-dependent", rate=0.1, scores=3, classes=CLASSES)


def test_arrays_of_objects_are_never_unpickled(tmp_path):
    np.savez(
        tmp_path / "s.npz",
        ids=np.array(IDS),
        scores=np.array([[print] * 3] * 4),
        classes=np.array(CLASSES),
    )
    with pytest.raises(InputError, match="wanted an NPZ file"):
        law(tmp_path)
