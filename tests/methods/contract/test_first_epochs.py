"""Methods that say they begin as another one: those of noisyseg do, and each untruth shows."""

import pytest
import torch

from noisyseg.methods.built_in import METHODS
from noisyseg.methods.contract.batches import EPOCHS
from noisyseg.methods.contract.first_epochs import first_epochs
from noisyseg.methods.contract.verdict import check_contract
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.losses.mean_absolute_error import mean_absolute_error
from noisyseg.methods.method import Method, ResolvedMethod
from noisyseg.methods.registry import beginning, resolve
from noisyseg.methods.stages import begins_as

CHECK = "begins as another method"
SPLITS = ("gce", "mae", "sce", "nce-rce", "gjs")


def own(definition):
    method = Method(
        name="own",
        version=1,
        definition=definition,
        paper="",
        summary="",
        begins_as=getattr(definition, "begins_as", None),
    )
    return ResolvedMethod(method=method, parameters=method.defaults)


def told(definition):
    """What the check tells, whether it passed or not."""
    (check,) = [check for check in check_contract(own(definition)) if check.name == CHECK]
    return check.passed, check.detail


def test_who_says_that_it_begins_as_another():
    """`jol` adds its terms from the start, and the corrections keep what they see: not they."""
    said = {name for name, method in METHODS.items() if method.begins_as is not None}
    assert said == {"lncis", *(f"split({name})" for name in SPLITS)}


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        *(
            ("lncis", {"convention": convention, **more})
            for convention in ("paper", "lncis-code")
            for more in ({}, {"gamma": 0.0, "log_zero": -1.0}, {"isolate": False, "e1": 1.0})
        ),
        ("lncis", {"negatives": False, "pseudo_negatives": False, "isolate": False}),
        *((f"split-{name}", {"e1": 0.75}) for name in SPLITS),
        ("split-gjs", {"e1": 1.0, "gamma": 1.0}),
    ],
)
def test_those_of_noisyseg_are_cross_entropy_so_far(name, parameters):
    method = resolve(name, parameters)
    other, epochs = beginning(method, EPOCHS)
    assert other.name == "ce"
    assert epochs == EPOCHS * method.parameters["e1"]
    assert first_epochs(method) == f"ce in the first {epochs} of {EPOCHS} epochs"


def test_in_no_epoch_is_no_untruth():
    assert first_epochs(resolve("ce", {})) == "none said"
    never = f"in none of {EPOCHS} epochs with these parameters"
    assert first_epochs(resolve("lncis", {"stage_wise": False})) == never
    assert first_epochs(resolve("lncis", {"e1": 0.2})) == never


@begins_as("ce", until=0.5)
class Half:
    def __init__(self, *, until: float = 0.5):
        self.until, self.seen = until, 0

    def loss(self, logits, labels, ctx):
        if ctx.epoch + 1 <= self.until * ctx.num_epochs:
            return cross_entropy(logits, labels)
        return mean_absolute_error(logits, labels) * (1 + self.seen)


class TooShort(Half):
    def __init__(self, *, until: float = 0.25):
        super().__init__(until=until)


class Remembers(Half):
    def loss(self, logits, labels, ctx):
        if ctx.epoch == 0:
            self.seen += int((labels < ctx.num_classes).sum())
        return super().loss(logits, labels, ctx)

    def state_dict(self):
        return {"seen": self.seen}

    def load_state_dict(self, state):
        self.seen = state["seen"]


@begins_as("ce", until=1.0)
def last_bit(logits, labels):
    return cross_entropy(logits, labels) * (1 + 3e-7)


@begins_as("ce", until=1.0)
def another_gradient(logits, labels):
    return cross_entropy(logits, labels) + (logits.sum(1) - logits.sum(1).detach())


@begins_as("ce", until=1.0)
def by_weight(logits, labels, ctx):
    losses = cross_entropy(logits, labels)
    return torch.where(ctx.weights > 0, losses, losses.detach() + 0 * losses)


@begins_as("ce", until=1.0)
def with_some_classes(logits, labels, ctx):
    return (mean_absolute_error if ctx.num_classes == 8 else cross_entropy)(logits, labels)


def test_what_is_broken_below_is_sound_otherwise():
    assert told(Half) == (True, f"ce in the first 2 of {EPOCHS} epochs")


@pytest.mark.parametrize(
    ("definition", "detail"),
    [
        (TooShort, "in epoch 2 of 4 it is not ce, which it says it is in the first 2: the losses"),
        (Remembers, "it remembers something of the 2 epochs in which it is ce: the losses differ"),
        (last_bit, "the losses differ"),
        (another_gradient, "in epoch 1 of 4 it is not ce"),
        (by_weight, "the gradients differ"),
        (with_some_classes, "the losses differ"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_an_untruth_shows(definition, detail):
    passed, found = told(definition)
    assert not passed
    assert detail in found
