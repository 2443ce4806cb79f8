"""The contract: every method that comes with noisyseg keeps it, and each way to break it shows."""

from fractions import Fraction

import pytest
import torch
from torch.nn import functional as F

from noisyseg.methods.built_in import METHODS
from noisyseg.methods.context import needs
from noisyseg.methods.contract import checks as contract_checks
from noisyseg.methods.contract.batches import EPOCHS, batch, extreme_batch
from noisyseg.methods.contract.checks import CHECKS
from noisyseg.methods.contract.verdict import check_contract
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.method import Method, ResolvedMethod
from noisyseg.methods.registry import resolve

FIRST = "one finite loss per RoI"
EXTREME, AUTOCAST, ORDER = "finite at logits of ±1e4", "autocast", "order of RoIs"
WEIGHTS, STATE, KEPT = "RoIs of weight 0", "state in checkpoints", "no gradient to labels or state"
RANKS = "states of several devices"
NO_WEIGHT, UNASKED = "weight 0 alone", "no ids, no matrix, unless @needs"
INPUTS, GRADIENT = "inputs left alone", "finite gradient"


def own(definition):
    method = Method(name="own", version=1, definition=definition, paper="", summary="")
    return ResolvedMethod(method=method, parameters=method.defaults)


def failures(definition):
    """Check -> detail, of those that fail."""
    return {c.name: c.detail for c in check_contract(own(definition)) if not c.passed}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_keeps_the_contract(name):
    checks = check_contract(resolve(name, {}))
    assert [check.name for check in checks] == list(CHECKS)
    assert [(check.name, check.detail) for check in checks if not check.passed] == []


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("jol", {"relabel": False}),
        ("jol", {"soft": False, "start": 0.0}),
        ("forward", {"matrix": "manifest"}),
        ("backward", {"matrix": "manifest"}),
        ("small-loss", {"forget": 1.0}),
    ],
)
def test_with_other_parameters_too(name, parameters):
    checks = check_contract(resolve(name, parameters))
    assert [(check.name, check.detail) for check in checks if not check.passed] == []


@pytest.mark.parametrize("name", ["sce", "lncis"])
def test_the_authors_code_counts_rois_of_weight_0_and_nothing_else_is_amiss(name):
    """Their mean goes over all RoIs: see `clamped_cross_entropy`."""
    (broken,) = [
        check
        for check in check_contract(resolve(name, {"convention": "lncis-code"}))
        if not check.passed
    ]
    assert broken.name == WEIGHTS
    assert "by being there" in broken.detail


# No loss at all: the other checks are not tried


NO_LOSS = {
    r"shape \(24,\), got shape \(\)": lambda logits, labels: cross_entropy(logits, labels).mean(),
    r"got shape \(24, 2\)": lambda logits, labels: logits,
    "got a list": lambda logits, labels: cross_entropy(logits, labels).tolist(),
    "got a NoneType": lambda logits, labels: None,
    "have no gradient": lambda logits, labels: cross_entropy(logits, labels).detach(),
    "no gradient reaches the logits": lambda logits, labels: (
        torch.ones(len(labels), requires_grad=True) + 0
    ),
    "the loss is nan at logits .*, label 0 of 2": lambda logits, labels: (
        cross_entropy(logits, labels) * torch.where(labels == 0, torch.nan, 1.0)
    ),
    r"raised IndexError: .*\(.*test_verdict.py, line \d+\)": lambda logits, labels: logits[:, 77],
    r"raised KeyError: 'x'": lambda logits, labels: {}["x"],
}


@pytest.mark.parametrize("reason", NO_LOSS)
def test_what_gives_no_loss_is_told_in_one_line(reason):
    (check,) = check_contract(own(NO_LOSS[reason]))
    assert (check.name, check.passed) == (FIRST, False)
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(check.detail)


def test_a_method_that_exits_is_one_that_fails():
    def leaves(logits, labels):
        raise SystemExit(3)

    (check,) = check_contract(own(leaves))
    assert check.detail.startswith("raised SystemExit: 3 (")


def test_what_is_no_loss_in_the_middle_of_a_training_alone():
    def lapses(logits, labels, ctx):
        return cross_entropy(logits, labels) * (torch.nan if ctx.epoch == 1 else 1)

    (check,) = check_contract(own(lapses))
    assert check.detail.startswith("the loss is nan at logits (")


class NoTextError(Exception):
    def __str__(self):
        raise ValueError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (RuntimeError("one\n  two\nthree"), "RuntimeError: one two three ("),
        (NoTextError(), "NoTextError: no text, for that raised ValueError ("),
        (RuntimeError("word " * 1000), "word … ("),
    ],
    ids=["lines", "no text", "long"],
)
def test_whatever_an_error_says_is_told_in_one_short_line(error, text):
    def fails(logits, labels):
        raise error

    (check,) = check_contract(own(fails))
    assert text in check.detail
    assert "\n" not in check.detail
    assert len(check.detail) < 400 + len(f"raised RuntimeError:  ({__file__}, line 9999)")


# One thing wrong


def naive(logits, labels):
    wide = logits if logits.dtype == torch.float64 else logits.float()
    return -wide.softmax(1).gather(1, labels[:, None])[:, 0].log()


def infinite_slope(logits, labels):
    wide = logits if logits.dtype == torch.float64 else logits.float()
    return 1 - wide.softmax(1).gather(1, labels[:, None])[:, 0].sqrt()


def no_slope(logits, labels):
    return 0 * cross_entropy(logits, labels)


def half(logits, labels):
    return -F.log_softmax(logits, 1).gather(1, labels[:, None])[:, 0]


def single(logits, labels):
    return cross_entropy(logits, labels).float()


def overflow(logits, labels):
    return cross_entropy(10 * logits, labels)


def cut_off(logits, labels):
    return cross_entropy(logits, labels) if len(labels) else torch.zeros(0)


def largest(logits, labels, ctx):
    losses = cross_entropy(logits, labels)
    return losses / losses[ctx.weights > 0].detach().max()


def by_positives(logits, labels, ctx):
    counted = ctx.weights > 0
    positives = (counted & (labels < ctx.num_classes)).sum()
    return cross_entropy(logits, labels) * counted.sum() / positives


def first_is_special(logits, labels, ctx):
    special = torch.zeros_like(ctx.weights)
    special[:1] = 1
    return cross_entropy(logits, labels) * (1 + special)


def mean_of_all(logits, labels):
    losses = cross_entropy(logits, labels)
    return losses + losses.mean()


def count_of_all(logits, labels):
    return cross_entropy(logits, labels) * len(labels)


def by_weight(logits, labels, ctx):
    return cross_entropy(logits, labels) / ctx.weights


def mean_weight(logits, labels, ctx):
    return cross_entropy(logits, labels) / ctx.weights[ctx.weights > 0].mean()


def ids_unasked(logits, labels, ctx):
    return cross_entropy(logits, labels) * (1 + (ctx.annotation_ids < 0))


def matrix_unasked(logits, labels, ctx):
    return cross_entropy(logits, labels) * ctx.noise_matrix[0, 0]


def no_number_without_ids(logits, labels, ctx):
    return cross_entropy(logits, labels) * (torch.nan if ctx.annotation_ids is None else 1)


def flat_of_one_class(logits, labels, ctx):
    losses = cross_entropy(logits, labels)
    return losses + 0 * (losses - losses).sqrt() if ctx.num_classes == 1 else losses


@needs("annotation_ids")
def changes_ids(logits, labels, ctx):
    ctx.annotation_ids.fill_(3)
    return cross_entropy(logits, labels)


@needs("noise_matrix")
def changes_matrix(logits, labels, ctx):
    ctx.noise_matrix.fill_(0.5)
    return cross_entropy(logits, labels)


def changes_logits(logits, labels):
    return cross_entropy(logits.mul_(2), labels)


def clips_logits(logits, labels):
    logits.data.clamp_(-1e4, 1)
    return cross_entropy(logits, labels)


def draws(logits, labels):
    torch.rand(1)
    return cross_entropy(logits, labels)


def seeds(logits, labels):
    torch.manual_seed(1)
    return cross_entropy(logits, labels)


class Running:
    """Cross entropy times a mean that is kept of the losses."""

    def __init__(self):
        self.total = torch.zeros((), dtype=torch.float64)

    def loss(self, logits, labels, ctx):
        losses = cross_entropy(logits, labels)
        self.total = self.total + self.kept(losses, ctx.weights > 0)
        return losses * (1 + self.total.to(losses.dtype))

    def kept(self, losses, counted):
        return losses.detach()[counted].double().sum() * 1e-4

    def state_dict(self):
        return {"deep": [{"total": self.total}]}

    def load_state_dict(self, state):
        self.total = state["deep"][0]["total"]


def total(state):
    return state["deep"][0]["total"]


class Sums(Running):
    """Of several ranks, what was before and what each has added."""

    def merged_state(self, before, states):
        added = sum(total(state) - total(before) for state in states)
        return {"deep": [{"total": total(before) + added}]}


class CountsTwice(Running):
    def merged_state(self, before, states):
        return {"deep": [{"total": sum(total(state) for state in states)}]}


class MergesNothing(Running):
    def merged_state(self, before, states):
        return before


class CannotMerge(Running):
    def merged_state(self, before, states):
        return {"deep": [{"total": states[0]["sum"]}]}


class KeepsGraph(Running):
    def kept(self, losses, counted):
        return losses[counted].double().sum() * 1e-4


class SeesIgnored(Running):
    def kept(self, losses, counted):
        return losses.detach().double().sum() * 1e-4


class SeesIgnoredLater(SeesIgnored):
    def loss(self, logits, labels, ctx):
        before, losses = self.total, cross_entropy(logits, labels)
        self.total = before + self.kept(losses, None)
        return losses * (1 + before.to(losses.dtype))


class SeesOrder(Running):
    def kept(self, losses, counted):
        return losses.detach()[counted][:1].double().sum() * 1e-4


class Forgets:
    """Has a state, and no state_dict."""

    def __init__(self):
        self.running = Running()

    def loss(self, logits, labels, ctx):
        return self.running.loss(logits, labels, ctx)


class ForgetsInside(Running):
    """What it derives as an epoch begins can be derived again from the state of an epoch's end."""

    def __init__(self):
        super().__init__()
        self.factor = 1.0

    def start_epoch(self, epoch):
        self.factor = 1 + self.total.item()
        self.total = torch.zeros((), dtype=torch.float64)

    def loss(self, logits, labels, ctx):
        return self.factor * super().loss(logits, labels, ctx)


class SavesObject(Running):
    def state_dict(self):
        return {"deep": [{"total": self.total}], "ratio": Fraction(1, 3)}


class SavesFunction(Running):
    def state_dict(self):
        return {"deep": [{"total": self.total}], "then": lambda: 1}


class SavesList(Running):
    def state_dict(self):
        return [self.total]


class CannotLoad(Running):
    def load_state_dict(self, state):
        self.total = state["total"]


BROKEN = {
    naive: {EXTREME: "the loss is inf at logits (", AUTOCAST: "the loss is inf"},
    infinite_slope: {EXTREME: "the gradient is nan at logits (", AUTOCAST: "the gradient is nan"},
    no_slope: {GRADIENT: "the gradient is 0 everywhere"},
    flat_of_one_class: {GRADIENT: "the gradient is nan at logits ("},
    half: {
        "float32 or better": "of torch.float16 logits: wanted torch.float32 losses",
        AUTOCAST: "under autocast: wanted torch.float32 losses, got torch.bfloat16",
    },
    single: {"float32 or better": "of torch.float64 logits: wanted torch.float64 losses"},
    overflow: {EXTREME: "of torch.float16 logits"},
    cut_off: {"no RoIs": "the losses have no gradient"},
    largest: {"no RoIs": "raised RuntimeError", NO_WEIGHT: "raised RuntimeError"},
    by_positives: {
        "background alone, positives alone": "of background alone",
        NO_WEIGHT: "the loss is nan",
    },
    first_is_special: {ORDER: "other losses", WEIGHTS: "by being there"},
    mean_of_all: {WEIGHTS: "changes the losses of others, whatever its logits are"},
    count_of_all: {WEIGHTS: "changes the losses of others, by being there"},
    by_weight: {WEIGHTS: "the loss is inf at logits (", NO_WEIGHT: "the loss is inf at logits ("},
    mean_weight: {NO_WEIGHT: "the loss is nan at logits ("},
    ids_unasked: {UNASKED: "raised TypeError: '<' not supported between instances of 'NoneType'"},
    matrix_unasked: {UNASKED: "raised TypeError: 'NoneType' object is not subscriptable"},
    no_number_without_ids: {UNASKED: "the loss is nan at logits ("},
    changes_ids: {INPUTS: "it changes the annotation_ids in place"},
    changes_matrix: {INPUTS: "it changes the noise_matrix in place"},
    changes_logits: {INPUTS: "it changes the logits in place"},
    clips_logits: {INPUTS: "it changes the logits in place"},
    draws: {"determinism": "it draws from or seeds torch's random numbers"},
    seeds: {"determinism": "it draws from or seeds torch's random numbers"},
    KeepsGraph: {
        KEPT: "raised RuntimeError: Trying to backward through the graph a second time",
        "speed": "raised RuntimeError",
    },
    SeesIgnored: {WEIGHTS: "a RoI of weight 0 changes the losses of others"},
    SeesIgnoredLater: {WEIGHTS: "a RoI of weight 0 leaves a trace in the state"},
    SeesOrder: {ORDER: "in another order the RoIs have other losses"},
    Forgets: {STATE: "resumed after epoch 1 of 4 it has other losses"},
    ForgetsInside: {STATE: "resumed inside epoch 2 of 4 it has other losses"},
    SavesObject: dict.fromkeys((STATE, RANKS), "its state holds what checkpoints cannot"),
    SavesFunction: dict.fromkeys((STATE, RANKS), "its state holds what checkpoints cannot"),
    SavesList: dict.fromkeys((STATE, RANKS), "wanted a dictionary as state, got a list"),
    CannotLoad: {STATE: "raised KeyError: 'total'"},
    CountsTwice: {RANKS: "merged_state() of two ranks that have seen nothing since gives a state"},
    MergesNothing: {RANKS: "merged_state() of one rank gives a state after which losses are other"},
    CannotMerge: {RANKS: "raised KeyError: 'sum'"},
}


def test_what_is_broken_below_is_sound_otherwise():
    assert failures(Running) == {}
    assert failures(Sums) == {}


def test_of_a_state_that_ranks_cannot_share_it_is_said():
    details = {check.name: check.detail for check in check_contract(own(Running))}
    assert details[RANKS] == "for one device alone: it has no merged_state()"
    details = {check.name: check.detail for check in check_contract(resolve("ce", {}))}
    assert details[RANKS] == "no state"


@pytest.mark.parametrize("definition", BROKEN, ids=lambda definition: definition.__name__)
def test_each_breach_fails_its_check_and_no_other(definition):
    found = failures(definition)
    assert found.keys() == BROKEN[definition].keys(), found
    for name, text in BROKEN[definition].items():
        assert text in found[name]


def test_a_state_with_a_gradient_is_named():
    class Keeps(Running):
        def loss(self, logits, labels, ctx):
            self.total = torch.ones((), dtype=torch.float64, requires_grad=True)
            return cross_entropy(logits, labels)

    assert failures(Keeps)[KEPT] == "its state's deep[0].total carries a gradient: detach() it"


def test_losses_that_differ_a_second_time():
    calls = iter(range(10**6))

    def drifts(logits, labels):
        return cross_entropy(logits, labels) * (1 + next(calls))

    assert failures(drifts)["determinism"] == "the same batch has other losses a second time"


def test_torchs_random_numbers_are_the_callers_again():
    before = torch.get_rng_state()
    check_contract(own(draws))
    assert failures(lambda logits, labels: cross_entropy(logits, labels) * torch.rand(1))
    torch.set_rng_state(before)
    check_contract(resolve("ce", {}))
    assert torch.equal(before, torch.get_rng_state())


def test_speed_is_told_and_has_a_bound(monkeypatch):
    (speed,) = [c for c in check_contract(resolve("ce", {})) if c.name == "speed"]
    assert speed.passed
    assert "times cross entropy's time at 1024 RoIs, 80 classes" in speed.detail
    monkeypatch.setattr(contract_checks, "SLOWEST", 0.0)
    (speed,) = [c for c in check_contract(resolve("ce", {})) if c.name == "speed"]
    assert not speed.passed
    assert speed.detail.endswith("; wanted at most 0")


@pytest.mark.parametrize("what", ["annotation_ids", "noise_matrix"])
def test_what_a_method_asks_for_it_gets(what):
    @needs(what)
    def asks(logits, labels, ctx):
        return cross_entropy(logits, labels) * (1 + 0 * getattr(ctx, what).sum().item())

    assert failures(asks) == {}


# The batches


def test_batches_have_annotations_of_one_label_each_and_every_class():
    for classes in (1, 4):
        given = batch(classes=classes)
        positive = given.labels < classes
        assert set(given.labels.tolist()) == set(range(classes + 1))
        assert torch.equal(given.annotation_ids >= 0, positive)
        pairs = {(int(i), int(y)) for i, y in zip(given.annotation_ids, given.labels, strict=True)}
        assert len(pairs) == len({number for number, _ in pairs})
        assert torch.equal(given.annotation_ids, batch(classes=classes, seed=5).annotation_ids)
        matrix = given.context().noise_matrix
        torch.testing.assert_close(matrix.sum(1), torch.ones(classes, dtype=torch.float64))


def test_extremes_are_every_pattern_under_every_label():
    given = extreme_batch(EPOCHS - 1, torch.float16)
    rows = {(*z, y) for z, y in zip(given.logits.tolist(), given.labels.tolist(), strict=True)}
    assert len(rows) == 2**3 * 3
    assert set(given.logits.unique().tolist()) == {-1e4, 1e4}
