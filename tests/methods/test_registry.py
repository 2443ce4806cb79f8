import math
import pickle
import re
import shlex
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

import noisyseg.methods.losses
from noisyseg.errors import InputError
from noisyseg.files import canonical_json
from noisyseg.methods.built_in import ALIASES, METHODS
from noisyseg.methods.context import LossContext
from noisyseg.methods.method import Method, ResolvedMethod
from noisyseg.methods.registry import aliases, beginning, is_known, named, resolve
from noisyseg.methods.stages import stage_at

EPOCHS = 4
EVERY = pytest.mark.parametrize("name", sorted(METHODS))
STAGES = pytest.mark.parametrize("epoch", [0, EPOCHS - 1], ids=["first epoch", "last epoch"])


def context(count, *, epoch=0, num_classes=4):
    weights = torch.ones(count)
    weights[::3] = 0.5
    weights[1::5] = 0.0
    return LossContext(
        num_classes=num_classes,
        epoch=epoch,
        num_epochs=EPOCHS,
        weights=weights,
        annotation_ids=torch.arange(count),
    )


def batch(count=20, num_classes=4, dtype=torch.float64, scale=3.0):
    generator = torch.Generator().manual_seed(0)
    logits = scale * torch.randn(count, num_classes + 1, generator=generator, dtype=torch.float64)
    labels = torch.arange(count) % (num_classes + 1)
    return logits.to(dtype), labels


# What every method has in common; the rest of their contract is in test_contract


@EVERY
@STAGES
@pytest.mark.parametrize(
    ("given", "returned"),
    [
        (torch.float64, torch.float64),
        (torch.float32, torch.float32),
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
    ],
)
def test_one_loss_per_roi_in_float32_or_better(name, epoch, given, returned):
    logits, labels = batch(dtype=given)
    loss = resolve(name, {}).start().loss(logits, labels, context(20, epoch=epoch))
    assert loss.shape == (20,)
    assert loss.dtype == returned
    precise = resolve(name, {}).start().loss(logits.double(), labels, context(20, epoch=epoch))
    torch.testing.assert_close(loss.double(), precise, rtol=1e-5, atol=1e-5)


@EVERY
@STAGES
def test_autocast_does_not_lower_the_precision(name, epoch):
    logits, labels = batch(dtype=torch.bfloat16)
    method, precise = (resolve(name, {}).start() for _ in range(2))
    with torch.autocast("cpu", torch.bfloat16):
        loss = method.loss(logits, labels, context(20, epoch=epoch))
    expected = precise.loss(logits.double(), labels, context(20, epoch=epoch))
    torch.testing.assert_close(loss.double(), expected, rtol=1e-5, atol=1e-5)


# Whose targets move with the very predictions that they are compared with, without gradient.
MOVING_TARGETS = {"elr"}


@pytest.mark.parametrize("name", sorted(set(METHODS) - MOVING_TARGETS))
@STAGES
def test_gradient_agrees_with_finite_differences(name, epoch):
    logits, labels = batch()
    method, ctx = resolve(name, {}).start(), context(20, epoch=epoch)
    assert torch.autograd.gradcheck(
        lambda z: method.loss(z, labels, ctx), logits.requires_grad_(), fast_mode=False
    )


@EVERY
def test_a_sure_and_right_prediction_costs_less_than_a_wrong_one(name):
    right, wrong = torch.tensor([[9.0, 0.0, 0.0]]), torch.tensor([[0.0, 4.0, 0.0]])
    losses = [
        resolve(name, {}).start().loss(z, torch.tensor([0]), context(1, num_classes=2))
        for z in (right, wrong)
    ]
    assert losses[0].item() < losses[1].item()


@EVERY
def test_entry_describes_itself(name):
    method = METHODS[name]
    assert method.name == name
    assert type(method.version) is int
    assert method.version >= 1
    assert method.paper
    assert method.summary
    assert "\n" not in method.summary
    assert all(type(value) in (float, bool, str) for value in method.defaults.values())
    assert method.load().__doc__


@EVERY
def test_what_an_entry_declares_is_what_its_definition_has(name):
    method = METHODS[name]
    definition = method.load()
    read = Method(name=name, definition=definition, paper="", summary="")
    assert list(method.defaults.items()) == list(read.defaults.items())
    started = ResolvedMethod(method=read, parameters=read.defaults)
    assert method.needs == started.needs == started.start().needs
    owners = definition.__mro__ if isinstance(definition, type) else (definition,)
    text = "\n".join(owner.__doc__ or "" for owner in owners)
    if not name.startswith("split("):  # whose parameters are described where they come from
        for parameter in method.parameters:
            assert re.search(rf"^ +(\w+, )*{parameter}(, \w+)*: ", text, re.M), parameter


def test_a_split_has_the_loss_that_its_name_says():
    for robust in ("gce", "mae", "sce", "nce-rce", "gjs"):
        both = resolve(f"split({robust})", {"e1": 0.0}), resolve(robust, {})
        logits, labels = torch.tensor([[2.0, 1.0, 0.5]]), torch.tensor([0])  # of none of the sets
        ctx = context(1, num_classes=2)
        one, other = (method.start().loss(logits, labels, ctx) for method in both)
        assert torch.equal(one, other)


def test_methods_are_known_without_torch():
    code = """
import sys
sys.modules["torch"] = None  # importing it fails, as if it were absent
from noisyseg.methods.built_in import METHODS
from noisyseg.methods.registry import resolve
assert "numpy" not in sys.modules
for name in METHODS:
    resolved = resolve(name, {})
    assert resolved.spec()["parameters"] == METHODS[name].parameters
    resolved.needs
assert resolve("gce", {"q": 0.7}).spec()["parameters"] == {"q": 0.7}
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# The registry itself


NO_METHODS = {"__init__", "clamped_cross_entropy"}


def test_every_file_with_a_method_is_registered():
    folder = Path(noisyseg.methods.losses.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - NO_METHODS
    used = {method.load().__module__.rpartition(".")[2] for method in METHODS.values()}
    assert used == files


def test_the_papers_methods_are_there():
    assert set(METHODS) >= {"ce", "lsr", "jol", "gce", "sce", "lncis"}
    assert not set(ALIASES) & set(METHODS)
    assert set(ALIASES.values()) <= set(METHODS)


def test_defaults_are_those_of_the_paper():
    papers = {
        "ce": {},
        "lsr": {"epsilon": 0.1},
        "jol": {"alpha": 0.8, "beta": 1.2, "relabel": True, "start": 70 / 200, "soft": True},
        "gce": {"q": 0.3},
        "sce": {"alpha": 1.0, "beta": 0.1, "log_zero": -4.0},
        "lncis": {
            "gamma": 6.0,
            "log_zero": -4.0,
            "e1": 0.5,
            "stage_wise": True,
            "negatives": True,
            "pseudo_negatives": True,
            "isolate": True,
        },
    }
    for name, expected in papers.items():
        values = resolve(name, {}).spec()["parameters"]
        assert {key: values[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("name", "parameters", "version"),
    [
        ("lncis", {}, 1),
        ("lncis", {"gamma": 3, "isolate": False}, 1),
        ("lncis", {"convention": "paper"}, 1),
        ("lncis", {"convention": "lncis-code"}, 2),
        ("ours", {"convention": "lncis-code", "e1": 0}, 2),
        ("forward", {}, 3),
        ("backward", {"percentile": 100}, 3),
        ("forward", {"matrix": "manifest"}, 2),
        ("backward", {"matrix": "manifest"}, 2),
        ("jol", {}, 3),
        ("sce", {"convention": "lncis-code"}, 1),
        ("split(sce)", {"convention": "lncis-code"}, 1),
    ],
)
def test_a_version_goes_up_where_the_numbers_changed_alone(name, parameters, version):
    assert resolve(name, parameters).spec()["version"] == version


def test_a_version_of_parameters_is_the_latest_that_touched_them():
    def loss(logits, labels, *, kind="old", other=True):
        return logits[:, 0]

    method = Method(
        **{"name": "mine", "version": 3, "definition": loss, "paper": "", "summary": ""},
        later=(("kind", "new", 5), ("other", False, 4), ("kind", "newest", 2)),
    )
    for kind, other, version in (
        ("old", True, 3),
        ("new", True, 5),
        ("old", False, 4),
        ("new", False, 5),
        ("newest", True, 3),
    ):
        parameters = {"kind": kind, "other": other}
        spec = ResolvedMethod(method=method, parameters=parameters).spec()
        assert spec == {"name": "mine", "version": version, "parameters": parameters}


@EVERY
def test_later_versions_are_of_parameters_and_values_that_there_are(name):
    method = METHODS[name]
    for parameter, value, version in method.later:
        assert version > method.version
        found = resolve(name, {parameter: value}).spec()
        assert (found["parameters"][parameter], found["version"]) == (value, version)


def test_alias_resolves_to_the_same_spec():
    assert resolve("ours", {}).spec() == resolve("lncis", {}).spec()
    assert resolve("ours", {}).name == "lncis"


@pytest.mark.parametrize("robust", ["gce", "mae", "sce", "nce-rce", "gjs"])
def test_a_split_has_a_name_that_needs_no_quotes_in_a_shell(robust):
    alias, own = f"split-{robust}", f"split({robust})"
    assert resolve(alias, {}).spec() == resolve(own, {}).spec()
    assert resolve(alias, {}).name == own == named(alias).name
    assert shlex.quote(alias) == alias
    assert is_known(alias)
    assert aliases(own) == [alias]
    with pytest.raises(InputError, match="Did you mean"):
        resolve(alias[:-1] + "x", {})


@pytest.mark.parametrize("six", [6, 6.0, np.float32(6), np.int64(6), Fraction(6)], ids=repr)
def test_equal_numbers_give_equal_bytes(six):
    assert canonical_json(resolve("lncis", {"gamma": six}).spec()) == canonical_json(
        resolve("lncis", {}).spec()
    )


def test_negative_zero_is_zero():
    zero, negative = (resolve("sce", {"beta": value}).spec() for value in (0.0, -0.0))
    assert canonical_json(zero) == canonical_json(negative)


def test_parameters_reach_the_loss():
    loss = resolve("gce", {"q": 1}).start().loss(torch.zeros(1, 4), torch.tensor([0]), context(1))
    assert loss.item() == pytest.approx(0.75)


def test_changing_a_spec_or_the_given_parameters_changes_no_method():
    given = {"q": 0.5}
    method = resolve("gce", given)
    given["q"] = 0.9
    method.spec()["parameters"]["q"] = 0.9
    assert method.spec()["parameters"] == {"q": 0.5}
    assert resolve("gce", {}).spec()["parameters"] == {"q": 0.3}


def test_resolved_method_survives_pickling():
    method = pickle.loads(pickle.dumps(resolve("jol", {"alpha": 2})))
    assert method.spec() == resolve("jol", {"alpha": 2.0}).spec()


def test_a_plain_function_gets_no_context():
    def plain(logits, labels, *, scale=2.0):
        return scale * logits[:, 0]

    def knowing(logits, labels, ctx, *, scale=2.0):
        return scale * logits[:, 0] + ctx.epoch

    for function, expected in ((plain, 6.0), (knowing, 9.0)):
        entry = Method(name="mine", version=1, definition=function, paper="", summary="")
        method = ResolvedMethod(method=entry, parameters=entry.defaults).start()
        loss = method.loss(torch.full((1, 2), 3.0), torch.tensor([0]), context(1, epoch=3))
        assert loss.item() == expected


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("lncs", {}, r"suite.yaml:3: unknown method 'lncs'\. Did you mean 'lncis'\?"),
        ("our", {}, "Did you mean 'ours'"),
        ("CE", {}, "unknown method 'CE'"),
        (None, {}, "unknown method 'None'"),
        (["ce"], {}, "unknown method"),
        ("sce", {"alfa": 1.0}, "unknown parameter of method 'sce' 'alfa'. Did you mean 'alpha'"),
        ("ours", {"gama": 1.0}, "Did you mean 'gamma'"),
        ("ce", {"q": 1.0}, "method 'ce' has no parameters, got 'q'"),
        ("gce", {"logits": 1.0}, "unknown parameter"),
        ("gce", {"q": "0.3"}, r"suite.yaml:3: parameter 'q' of method 'gce' .*, got '0.3'"),
        ("gce", {"q": None}, "finite number, got None"),
        ("gce", {"q": True}, "finite number, got True"),
        ("gce", {"q": False}, "finite number, got False"),
        ("gce", {"q": np.bool_(True)}, "finite number"),
        ("gce", {"q": math.nan}, "finite number, got nan"),
        ("lncis", {"gamma": math.inf}, "finite number, got inf"),
        ("lncis", {"gamma": 10**400}, "finite number"),
        ("gce", {"q": 1j}, "finite number"),
        ("gce", {"q": Decimal(1)}, "finite number"),
        ("gce", {"q": [0.3]}, "finite number"),
        ("gce", {"q": 0}, r"suite.yaml:3: method 'gce': q must be in \(0, 1\], got 0.0"),
        ("lsr", {"epsilon": 2}, r"method 'lsr': epsilon must be in \[0, 1\]"),
        ("jol", {"beta": -1}, "method 'jol': beta must be at least 0"),
        ("sce", {"log_zero": 4}, "method 'sce': log_zero must be below 0"),
        ("ours", {"e1": 6}, "method 'lncis': e1 is a fraction"),
        ("ours", {"gamma": -6}, "method 'lncis': gamma must be at least 0"),
        ("ours", {"isolate": 1}, "parameter 'isolate' of method 'lncis' must be true or false"),
        ("ours", {"isolate": "false"}, "true or false, got 'false'"),
        ("gce", [("q", 0.3)], "must be a mapping"),
        ("gce", None, "must be a mapping"),
    ],
    ids=repr,
)
def test_unusable_input_is_refused_with_its_place(name, parameters, message):
    with pytest.raises(InputError, match=message):
        resolve(name, parameters, where="suite.yaml:3")


STAGED = [name for name, method in METHODS.items() if method.first_stage]


def test_the_staged_methods_say_where_their_first_stage_ends():
    """Whatever takes such a parameter; the names are those of the papers' methods."""
    assert set(STAGED) == {
        name for name in METHODS if {"e1", "start", "warmup"} & METHODS[name].parameters.keys()
    }


@pytest.mark.parametrize("name", [name for name in STAGED if "e1" in METHODS[name].parameters])
def test_the_loss_is_another_after_the_first_stage(name):
    method = resolve(name, {"e1": 0.3})
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(12, 4, generator=random)
    labels = torch.arange(12) % 4

    def losses(epoch):
        ids = torch.where(labels < 3, labels, -1)
        context = LossContext(
            num_classes=3, epoch=epoch, num_epochs=10, weights=torch.ones(12), annotation_ids=ids
        )
        return method.start().loss(logits, labels, context)

    end = method.first_stage_end(10)
    assert end == 3
    assert torch.equal(losses(0), losses(end - 1))
    assert not torch.equal(losses(end - 1), losses(end))


@pytest.mark.parametrize("name", ["jol", "forward", "backward"])
def test_a_method_with_a_state_is_in_its_second_stage_from_there_on(name):
    parameter = METHODS[name].first_stage
    method = resolve(name, {parameter: 0.7})
    stages = METHODS[name].load()(**method.parameters).stages
    end = method.first_stage_end(10)
    assert [stage_at(stages, epoch, 10) for epoch in (end - 1, end)] == list(stages)


def test_the_paper_s_method_is_cross_entropy_in_the_first_half():
    """Section 4.2; twelve epochs as in table 1. Table 4 has rows without that stage."""
    other, epochs = beginning(resolve("lncis", {"gamma": 3.0}), 12)
    assert (other.spec(), epochs) == (resolve("ce", {}).spec(), 6)
    for name, parameters in (("lncis", {"stage_wise": False}), ("lncis", {"e1": 0.0}), ("ce", {})):
        method = resolve(name, parameters)
        assert beginning(method, 12) == (method, 12)


def test_an_own_methods_parameters_say_nothing_of_stages():
    """A word called `start` ended the training once."""

    def own(logits, labels, *, start="now", warmup: float = 7):
        return logits.logsumexp(1)

    method = Method(name="own", definition=own, paper="", summary="", file_sha256="0" * 64)
    assert ResolvedMethod(method=method, parameters=method.defaults).first_stage_end(10) is None
