"""`methods check`, as it is called."""

import json

import pytest

from noisyseg.methods.contract.checks import CHECKS

GOOD = '''
from noisyseg.methods.context import needs
from noisyseg.methods.losses.cross_entropy import cross_entropy


def good(logits, labels):
    """Cross entropy."""
    return cross_entropy(logits, labels)


def talks(logits, labels):
    print("a loss is asked for")
    return cross_entropy(logits, labels)


@needs("annotation_ids")
def by_annotation(logits, labels, ctx):
    return cross_entropy(logits, labels) * (1 + 0 * ctx.annotation_ids)


def leaky(logits, labels):
    losses = cross_entropy(logits, labels)
    return losses + losses.mean()


def scalar(logits, labels):
    return cross_entropy(logits, labels).mean()
'''


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(GOOD)
    return path


def test_a_good_method_passes_every_check(call, file):
    done = call("methods", "check", f"{file}:good")
    assert (done.status, done.err) == (0, "")
    *lines, last = done.out.splitlines()
    assert [line.split("  ", 1)[0] for line in lines] == ["ok"] * len(CHECKS)
    assert all(name in line for name, line in zip(CHECKS, lines, strict=True))
    assert last == f"good: all {len(CHECKS)} checks passed"


def test_a_breach_is_named_with_its_reason(call, file):
    done = call("methods", "check", f"{file}:leaky")
    assert done.status == 1
    (line,) = [line for line in done.out.splitlines() if line.startswith("FAILED")]
    assert "RoIs of weight 0" in line
    assert "a RoI of weight 0 changes the losses of others" in line
    assert done.out.endswith(f"leaky: 1 of {len(CHECKS)} checks FAILED\n")


def test_without_a_loss_the_other_checks_are_said_to_be_untried(call, file):
    done = call("methods", "check", f"{file}:scalar")
    assert done.status == 1
    assert "got shape ()" in done.out
    assert done.out.endswith(
        f"scalar: 1 of 1 checks FAILED; {len(CHECKS) - 1} more were not tried, for they need a "
        "loss per RoI\n"
    )


def test_json_has_the_method_and_every_check(call, file):
    done = call("methods", "check", f"{file}:leaky", "--json")
    document = json.loads(done.out)
    assert done.status == 1
    assert document["name"] == "leaky"
    assert document["passed"] is False
    assert [check["name"] for check in document["checks"]] == list(CHECKS)
    failed = {c["name"]: c["detail"] for c in document["checks"] if not c["passed"]}
    assert failed.keys() == {"RoIs of weight 0"}
    good = json.loads(call("methods", "check", "lncis", "--json").out)
    assert good["passed"] is True
    assert good["parameters"]["gamma"] == 6.0


def test_what_a_method_prints_is_no_part_of_the_answer(call, file):
    done = call("methods", "check", f"{file}:talks", "--json")
    assert done.status == 0
    assert json.loads(done.out)["passed"] is True
    assert "a loss is asked for" in done.err


@pytest.mark.parametrize(
    ("method", "problem"),
    [
        ("lcnis", "unknown method 'lcnis'. Did you mean 'lncis'?"),
        ("none.py:good", "none.py: the method's file cannot be read"),
        ("own.py:god", "has no 'god'. At its top level it has: "),
        ("own.py:", "wanted path.py:name"),
    ],
)
def test_what_is_no_method_is_unusable_input(call, file, monkeypatch, method, problem):
    monkeypatch.chdir(file.parent)
    done = call("methods", "check", method)
    assert (done.status, done.out) == (2, "")
    assert problem in done.err
    assert "Traceback" not in done.err


# On a model


def test_a_models_box_heads_are_tried_as_well(call, file):
    done = call("methods", "check", f"{file}:by_annotation", "--model", "mask-rcnn-tiny")
    assert done.status == 0
    assert "model mask-rcnn-tiny" in done.out
    assert "in 1 box heads" in done.out


OWN_TARGETS = """
from mmdet.models.roi_heads.bbox_heads import Shared2FCBBoxHead
from mmdet.registry import MODELS


@MODELS.register_module(force=True)
class TargetsOfItsOwn(Shared2FCBBoxHead):
    def get_targets(self, *args, **kwargs):
        return super().get_targets(*args, **kwargs)
"""


def test_a_model_that_cannot_give_annotation_ids_is_found_beforehand(call, file, tmp_path):
    from noisyseg.bench.training.stack import load_stack

    load_stack()
    exec(OWN_TARGETS, {"__name__": "own_targets"})
    head = {"type": "TargetsOfItsOwn"}
    model = {"extends": "mask-rcnn-tiny", "detector": {"roi_head": {"bbox_head": head}}}
    path = tmp_path / "strange.yaml"
    path.write_text(json.dumps(model))  # JSON is YAML
    done = call("methods", "check", f"{file}:by_annotation", "--model", path)
    assert done.status == 1, done.err
    assert "needs the annotation of each RoI, which the box head TargetsOfItsOwn" in done.out
    assert call("methods", "check", f"{file}:good", "--model", path).status == 0


def test_a_model_that_is_none_is_unusable_input(call, file):
    done = call("methods", "check", f"{file}:good", "--model", "mask-rcnn-tinny")
    assert done.status == 2
    assert "Did you mean 'mask-rcnn-tiny'?" in done.err
