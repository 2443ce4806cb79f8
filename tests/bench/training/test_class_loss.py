import pytest
import torch
from mmdet.models.losses import CrossEntropyLoss
from mmdet.models.roi_heads.bbox_heads import Shared2FCBBoxHead

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.runs.execution import execute
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.run import Resources
from noisyseg.bench.training.box_heads import put_method
from noisyseg.bench.training.class_loss import MethodError, MethodLoss
from noisyseg.methods.built_in import METHODS
from noisyseg.methods.context import needs
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.method import Method, ResolvedMethod
from noisyseg.methods.registry import resolve
from noisyseg.results.records.record import check_record
from noisyseg.results.records.store import RunStore

K = 5
N = 40


@pytest.fixture
def batch():
    """Logits, labels with background last, and weights of which a quarter is 0."""
    generator = torch.Generator().manual_seed(11)
    logits = 4 * torch.randn(N, K + 1, generator=generator)
    labels = torch.randint(0, K + 1, (N,), generator=generator)
    labels[:5] = K
    weights = torch.rand(N, generator=generator) + 0.5
    weights[::4] = 0
    return logits, labels, weights


def method_loss(name="ce", **parameters):
    return MethodLoss(resolve(name, parameters), num_classes=K, num_epochs=3)


def own_method(definition, **parameters):
    """A method that nobody has registered."""
    method = Method(name="own", version=1, definition=definition, paper="", summary="")
    return ResolvedMethod(method=method, parameters=parameters)


def value_and_gradient(loss, logits, labels, *rest, **options):
    leaf = logits.clone().requires_grad_()
    value = loss(leaf, labels, *rest, **options)
    value.sum().backward()
    return value.detach(), leaf.grad


# mmdet refuses a divisor for a sum.
@pytest.mark.parametrize(
    ("reduction", "avg_factor"),
    [(None, None), (None, 30.0), (None, 1.0), ("mean", 30.0), ("none", 30.0), ("sum", None)],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_is_mmdets_own(batch, reduction, avg_factor, weighted):
    logits, labels, weights = batch
    options = {"avg_factor": avg_factor, "reduction_override": reduction}
    weight = weights if weighted else None
    theirs = CrossEntropyLoss(use_sigmoid=False, loss_weight=1.0)
    expected = value_and_gradient(theirs, logits, labels, weight, **options)
    found = value_and_gradient(method_loss(), logits, labels, weight, **options)
    # mmdet adds float32's epsilon, 1.2e-7, to its divisor.
    torch.testing.assert_close(found, expected, rtol=3e-6, atol=1e-8)


def test_background_is_the_last_column():
    logits = torch.zeros(1, K + 1)
    logits[0, K] = 50.0
    loss = method_loss()
    assert loss(logits, torch.tensor([K])).item() == pytest.approx(0, abs=1e-6)
    assert loss(logits, torch.tensor([0])).item() == pytest.approx(50, rel=1e-6)


@pytest.mark.parametrize("name", ["ce", "gce", "sce", "lncis"])
def test_a_roi_of_weight_zero_moves_neither_loss_nor_gradient(batch, name):
    logits, labels, weights = batch
    loss = method_loss(name)
    value, gradient = value_and_gradient(loss, logits, labels, weights, avg_factor=30.0)
    assert torch.count_nonzero(gradient[weights == 0]) == 0
    assert torch.count_nonzero(gradient[weights > 0]) > 0
    other = logits.clone()
    other[weights == 0] = 3.0
    assert loss(other, labels, weights, avg_factor=30.0).item() == value.item()


def test_no_roi_gives_zero():
    empty = torch.zeros(0, K + 1), torch.zeros(0, dtype=torch.long)
    assert method_loss()(*empty).item() == 0


def test_the_method_is_told_what_it_may_know(batch):
    logits, labels, weights = batch
    seen = []

    def spy(logits, labels, ctx):
        seen.append(ctx)
        return torch.full_like(labels, 2, dtype=torch.float32)

    loss = MethodLoss(own_method(spy), num_classes=K, num_epochs=3)
    loss.epoch = 2
    assert loss(logits, labels, weights, avg_factor=8.0).item() == pytest.approx(
        2 * weights.sum().item() / 8, rel=1e-6
    )
    loss(logits, labels)
    with_weights, without = seen
    assert (with_weights.num_classes, with_weights.epoch, with_weights.num_epochs) == (K, 2, 3)
    assert with_weights.weights is weights
    assert without.weights.tolist() == [1.0] * N
    assert with_weights.annotation_ids is None
    assert with_weights.noise_matrix is None


# Methods that give no loss per RoI

WRONG = {
    "a tensor of shape ()": lambda losses, labels: losses.mean(),
    f"a tensor of shape ({N}, 1)": lambda losses, labels: losses.unsqueeze(1),
    f"a tensor of shape ({N - 1},)": lambda losses, labels: losses[1:],
    f"a tensor of shape ({N}, {K + 1})": lambda losses, labels: losses[:, None].expand(-1, K + 1),
    "a tensor without gradient": lambda losses, labels: losses.detach(),
    "a tensor of torch.int64": lambda losses, labels: labels,
    "a ndarray": lambda losses, labels: losses.detach().numpy(),
    "a float": lambda losses, labels: float(losses.detach().mean()),
    "a list": lambda losses, labels: list(losses),
    "a NoneType": lambda losses, labels: None,
}


@pytest.mark.parametrize("found", WRONG)
def test_what_is_no_loss_per_roi_is_named(batch, found):
    logits, labels, weights = batch
    wrong = WRONG[found]
    method = own_method(lambda logits, labels: wrong(cross_entropy(logits, labels), labels))
    loss = MethodLoss(method, num_classes=K, num_epochs=3)
    with pytest.raises(MethodError) as caught:
        loss(logits.requires_grad_(), labels, weights, avg_factor=30.0)
    message = str(caught.value)
    assert message.startswith(f"method 'own' gave {found}; wanted ")
    assert "methods check" in message
    assert not loss.gave_nonfinite


@pytest.mark.parametrize("error", [IndexError("far out"), SystemExit(3)])
def test_an_error_in_a_methods_code_is_said_to_be_the_methods(batch, error):
    logits, labels, weights = batch

    def wrong(logits, labels):
        raise error

    loss = MethodLoss(own_method(wrong), num_classes=K, num_epochs=3)
    with pytest.raises(MethodError) as caught:
        loss(logits, labels, weights, avg_factor=30.0)
    assert caught.value.__cause__ is error
    assert str(caught.value) == (
        f"method 'own' raised {type(error).__name__}: {error}. `noisyseg methods check own` tells "
        "more."
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_the_methods_where_the_logits_are_finite(batch, value):
    logits, labels, weights = batch

    def wrong(logits, labels):
        return torch.where(labels == 0, value, cross_entropy(logits, labels))

    assert (labels == 0).any()
    loss = MethodLoss(own_method(wrong), num_classes=K, num_epochs=3)
    assert not loss(logits, labels, weights, avg_factor=30.0).isfinite()
    assert loss.gave_nonfinite
    assert loss(logits, labels.clamp_min(1), weights, avg_factor=30.0).isfinite()
    assert not loss.gave_nonfinite
    assert loss(logits * float("nan"), labels, weights, avg_factor=30.0).isnan()
    assert not loss.gave_nonfinite


@needs("annotation_ids")
def by_annotation(logits, labels, ctx):
    return cross_entropy(logits, labels) * (1 + ctx.annotation_ids)


def test_annotation_ids_that_a_method_needs_must_come_with_every_batch(batch):
    logits, labels, _ = batch
    loss = MethodLoss(own_method(by_annotation), num_classes=K, num_epochs=3)
    wanted = f"method 'own' needs the annotation of each RoI, and for {N} RoIs .* gave none"
    with pytest.raises(MethodError, match=wanted):
        loss(logits, labels)
    loss.annotation_ids = torch.arange(N)
    expected = (cross_entropy(logits, labels) * (1 + torch.arange(N))).mean()
    torch.testing.assert_close(loss(logits, labels), expected)
    for stale in (None, torch.arange(N + 1)):  # None: those of the batch before are used up
        if stale is not None:
            loss.annotation_ids = stale
        with pytest.raises(MethodError, match=wanted):
            loss(logits, labels)


def test_annotation_ids_of_other_rois_are_none_for_whoever_can_do_without(batch):
    logits, labels, _ = batch
    seen = []

    def spy(logits, labels, ctx):
        seen.append(ctx.annotation_ids)
        return cross_entropy(logits, labels)

    (loss,) = put_method(
        torch.nn.Sequential(Shared2FCBBoxHead(in_channels=1, num_classes=K, roi_feat_size=1)),
        own_method(spy),
        num_epochs=3,
        at_work=True,
    )
    loss.annotation_ids = torch.arange(N - 1)
    loss(logits, labels)
    loss.annotation_ids = torch.arange(N)
    loss(logits, labels)
    assert seen[0] is None
    assert seen[1].tolist() == list(range(N))
    report = loss.at_work.report()
    positive = int((labels < K).sum())
    assert (report["unknown"]["rois"], report["clean"]["rois"]) == (positive, positive)


# In runs


def nan_for_the_last_label(logits, labels):
    return cross_entropy(logits, labels) + torch.where(labels == labels.max(), torch.nan, 0.0)


def mean_of_all(logits, labels):
    return cross_entropy(logits, labels).mean()


SUITE = """
name: broken
data: {format: shapes, size: 64, train_images: 4, val_images: 2}
model: mask-rcnn-tiny
protocol: {extends: smoke, name: short, epochs: 1, schedule: {milestones: []}}
methods: [nan, mean, ce]
noise: {clean: null}
seeds: [0]
"""


def test_a_run_whose_method_fails_in_training_says_why_and_the_next_one_goes_on(
    tmp_path, monkeypatch
):
    """One after another in one process, as a worker has them; a whole call is in test_main_job."""
    definitions = {"nan": nan_for_the_last_label, "mean": mean_of_all}
    for name, definition in definitions.items():
        method = Method(name=name, version=1, definition=definition, paper="", summary="")
        monkeypatch.setitem(METHODS, name, method)
    (tmp_path / "broken.yaml").write_text(SUITE)
    suite = load_suite(str(tmp_path / "broken.yaml"), data_root=None, cache=tmp_path / "cache")
    store = RunStore(tmp_path / "runs")
    resources = Resources(threads=1, device="cpu")
    records = {run.method_label: execute(run, store, resources) for run in expand(suite, store)}
    for record in records.values():
        check_record(record)
    reasons = {
        label: (record["status"], (record["failure"] or {}).get("type"))
        for label, record in records.items()
    }
    assert reasons == {
        "nan": ("failed", "TrainingDivergedError"),
        "mean": ("failed", "MethodError"),
        "ce": ("done", None),
    }
    diverged, wrong = (records[name]["failure"]["message"] for name in definitions)
    assert "the loss became nan at iteration 1 (epoch 1). Method 'nan' gave it" in diverged
    assert "method 'mean' gave a tensor of shape (); wanted a tensor of shape (" in wrong
    assert records["ce"]["metrics"]["segm"]
