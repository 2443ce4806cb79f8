import importlib
import importlib.util
import inspect
import math
import pickle
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from noisyseg.bench.training import mmcv_operators
from noisyseg.errors import InputError


@pytest.fixture(scope="module")
def ops():
    """mmcv.ops on torchvision's operators."""
    if mmcv_operators.install() == "compiled":
        pytest.skip("a compiled mmcv is installed and is used instead")
    return importlib.import_module("mmcv.ops")


@pytest.fixture
def unregistered(monkeypatch):
    """As if install() had not been called in this process."""
    monkeypatch.delitem(sys.modules, "mmcv._ext", raising=False)


# NMS against the definition


def iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    area_a, area_b = ((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b))
    return shared / (area_a + area_b - shared)


def nms_by_hand(boxes, scores, threshold):
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if all(iou(boxes[i], boxes[j]) <= threshold for j in kept):
            kept.append(i)
    return kept


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("seed", range(5))
def test_nms_is_greedy_suppression(ops, seed, threshold):
    generator = np.random.default_rng(seed)
    corners = generator.uniform(0, 30, (60, 2))
    boxes = np.hstack([corners, corners + generator.uniform(1, 30, (60, 2))])
    scores = generator.integers(1, 8, 60) / 8  # eight values: many ties
    dets, kept = ops.nms(torch.tensor(boxes), torch.tensor(scores), threshold)
    expected = nms_by_hand(boxes.tolist(), scores.tolist(), threshold)
    assert kept.tolist() == expected
    np.testing.assert_array_equal(dets.numpy(), np.column_stack([boxes, scores])[expected])


def test_nms_keeps_a_box_exactly_at_the_threshold(ops):
    """Boxes of 4 and 2 sharing 2: IoU is exactly 1/2."""
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.0]])
    scores = torch.tensor([0.9, 0.8])
    assert ops.nms(boxes, scores, 0.5)[1].tolist() == [0, 1]
    assert ops.nms(boxes, scores, 0.49)[1].tolist() == [0]


def test_batched_nms_keeps_classes_apart(ops):
    boxes = torch.tensor([[0.0, 0.0, 9.0, 9.0]] * 3)
    scores = torch.tensor([0.5, 0.9, 0.7])
    classes = torch.tensor([0, 1, 0])
    kept = ops.batched_nms(boxes, scores, classes, {"type": "nms", "iou_threshold": 0.5})[1]
    assert kept.tolist() == [1, 2]


def test_nms_of_nothing(ops):
    dets, kept = ops.nms(torch.zeros(0, 4), torch.zeros(0), 0.5)
    assert dets.shape == (0, 5)
    assert kept.shape == (0,)
    assert kept.dtype == torch.int64


def test_nms_of_half_precision_boxes(ops):
    boxes = torch.tensor([[0.0, 0.0, 9.0, 9.0]] * 2, dtype=torch.float16)
    assert ops.nms(boxes, torch.tensor([0.5, 0.75]).half(), 0.5)[1].tolist() == [1]


def test_nms_with_offset_is_refused(ops):
    with pytest.raises(InputError, match=r"offset=1.*Set offset=0"):
        ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5, offset=1)


# RoIAlign against the definition


def bilinear(image, y, x):
    """Value at a point between pixels; 0 beyond one pixel outside, clamped to the edge within."""
    height, width = image.shape
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    y, x = min(max(y, 0.0), height - 1), min(max(x, 0.0), width - 1)
    top, left = min(int(y), max(height - 2, 0)), min(int(x), max(width - 2, 0))
    down, right = min(top + 1, height - 1), min(left + 1, width - 1)
    v, u = y - top, x - left
    upper = (1 - u) * image[top, left] + u * image[top, right]
    lower = (1 - u) * image[down, left] + u * image[down, right]
    return (1 - v) * upper + v * lower


def roi_align_by_hand(features, rois, size, scale, ratio, aligned):
    """He et al. 2017: the mean of bilinear samples on a regular grid in each bin."""
    height, width = size
    shift = 0.5 if aligned else 0.0
    result = np.zeros((len(rois), features.shape[1], height, width))
    for n, (index, *corners) in enumerate(rois):
        x1, y1, x2, y2 = (c * scale - shift for c in corners)
        w, h = x2 - x1, y2 - y1
        if not aligned:
            w, h = max(w, 1.0), max(h, 1.0)
        rows, columns = (ratio or math.ceil(h / height)), (ratio or math.ceil(w / width))
        for c, i, j in np.ndindex(features.shape[1], height, width):
            samples = [
                bilinear(
                    features[int(index), c],
                    y1 + (i + (a + 0.5) / rows) * h / height,
                    x1 + (j + (b + 0.5) / columns) * w / width,
                )
                for a in range(rows)
                for b in range(columns)
            ]
            result[n, c, i, j] = np.mean(samples)
    return result


FEATURES = np.random.default_rng(0).normal(size=(2, 2, 6, 7))
ROIS = np.array(
    [
        [0, 2.0, 3.0, 9.0, 8.0],
        [1, 0.3, 0.7, 12.9, 11.1],  # most of the image
        [1, 4.1, 4.2, 4.6, 4.9],  # less than a feature pixel
        [0, -7.0, -5.0, 3.0, 4.0],  # partly outside, above and left
        [1, 9.0, 8.0, 19.0, 17.5],  # partly outside, below and right
        [0, 40.0, 40.0, 44.0, 47.0],  # altogether outside
    ]
)
VARIANTS = pytest.mark.parametrize(
    ("ratio", "aligned"), [(0, True), (0, False), (2, True), (2, False)]
)


@VARIANTS
def test_roi_align_is_the_mean_of_bilinear_samples(ops, ratio, aligned):
    layer = ops.RoIAlign((3, 2), 0.5, ratio, aligned=aligned)
    pooled = layer(torch.tensor(FEATURES), torch.tensor(ROIS))
    expected = roi_align_by_hand(FEATURES, ROIS, (3, 2), 0.5, ratio, aligned)
    assert np.abs(expected[:5]).max() > 0.1
    np.testing.assert_allclose(pooled.numpy(), expected, rtol=0, atol=1e-12)


@VARIANTS
def test_roi_align_gradient_agrees_with_finite_differences(ops, ratio, aligned):
    layer = ops.RoIAlign((3, 2), 0.5, ratio, aligned=aligned)
    features = torch.tensor(FEATURES, requires_grad=True)
    assert torch.autograd.gradcheck(lambda f: layer(f, torch.tensor(ROIS)), features)


def test_roi_align_gradient_of_a_transposed_output(ops):
    """A gradient that is not contiguous is what a head's permute sends back."""
    layer = ops.RoIAlign(2, 0.5, 2)
    factor = torch.arange(2 * 2 * 2 * 6, dtype=torch.float64).reshape(2, 2, 2, 6)
    features = torch.tensor(FEATURES, requires_grad=True)
    pooled = layer(features, torch.tensor(ROIS))
    straight = (pooled * factor.permute(3, 2, 1, 0).contiguous()).sum()
    turned = (pooled.permute(3, 2, 1, 0) * factor).sum()
    gradients = [torch.autograd.grad(s, features, retain_graph=True)[0] for s in (straight, turned)]
    torch.testing.assert_close(*gradients)


def test_roi_align_without_rois(ops):
    features = torch.tensor(FEATURES, requires_grad=True)
    pooled = ops.RoIAlign((3, 2), 0.5, 0)(features, torch.zeros(0, 5, dtype=torch.float64))
    assert pooled.shape == (0, 2, 3, 2)
    pooled.sum().backward()
    assert not features.grad.any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_roi_align_of_half_precision_features(ops, dtype):
    features = torch.tensor(FEATURES).to(dtype).requires_grad_()
    rois = torch.tensor(ROIS).to(dtype)
    pooled = ops.RoIAlign((3, 2), 0.5, 2)(features, rois)
    pooled.sum().backward()
    expected = roi_align_by_hand(
        features.detach().double().numpy(), rois.double().numpy(), (3, 2), 0.5, 2, True
    )
    assert pooled.dtype == features.grad.dtype == dtype
    np.testing.assert_allclose(pooled.detach().double().numpy(), expected, atol=0.01)


def test_gradient_is_added_to_what_is_there(ops):
    """mmcv's kernels accumulate into the buffer they are given."""
    none = torch.zeros(0)
    settings = (1, 1, 1.0, 1, 1, True)
    rois = torch.tensor([[0.0, 0.0, 0.0, 2.0, 2.0]])
    buffer = torch.full((1, 1, 2, 2), 5.0)
    mmcv_operators.roi_align_backward(
        torch.tensor([[[[4.0]]]]), rois, none, none, buffer, *settings
    )
    assert buffer.tolist() == [[[[6.0, 6.0], [6.0, 6.0]]]]  # one sample amid four pixels


def test_max_pooling_is_refused(ops):
    with pytest.raises(InputError, match=r"max pooling.*pool_mode='avg'"):
        ops.RoIAlign(2, 1.0, 2, pool_mode="max")(torch.zeros(1, 1, 4, 4), torch.zeros(1, 5))
    empty = torch.zeros(1, 1, 2, 2)
    with pytest.raises(InputError, match="max pooling"):
        mmcv_operators.roi_align_backward(
            empty, torch.zeros(1, 5), empty, empty, empty, 2, 2, 1.0, 2, 0, True
        )


# The module that stands in


def test_another_operator_says_what_to_install(ops):
    with pytest.raises(InputError, match=r"'softnms' is not available.*mim install onedl-mmcv"):
        ops.soft_nms(torch.rand(2, 4), torch.rand(2))


def test_environment_report_names_torchvision(ops):
    assert "torchvision" in ops.get_compiler_version()
    assert "torchvision" in ops.get_compiling_cuda_version()


def test_module_looks_like_one_to_the_import_system(ops):
    module = importlib.import_module("mmcv._ext")
    assert importlib.util.find_spec("mmcv._ext") is module.__spec__
    assert module.__spec__.name == module.__name__ == "mmcv._ext"
    assert inspect.ismodule(module)
    assert inspect.getmodule(module.nms) is mmcv_operators
    assert pickle.loads(pickle.dumps(module.nms)) is mmcv_operators.nms
    assert isinstance(module.__version__, str)
    for absent in ("__file__", "__path__", "__wrapped__", "__all__", "_private"):
        assert not hasattr(module, absent)


def test_installing_twice_keeps_the_first(unregistered, ops):
    sys.modules.pop("mmcv._ext", None)
    assert mmcv_operators.install() == "torchvision"
    first = sys.modules["mmcv._ext"]
    assert mmcv_operators.install() == "torchvision"
    assert sys.modules["mmcv._ext"] is first


def test_operators_already_imported_are_left_alone(unregistered, monkeypatch):
    compiled = ModuleType("mmcv._ext")
    monkeypatch.setitem(sys.modules, "mmcv._ext", compiled)
    assert mmcv_operators.install() == "compiled"
    assert sys.modules["mmcv._ext"] is compiled


def fake_mmcv(folder, monkeypatch, operators):
    package = folder / "mmcv"
    package.mkdir()
    (package / "__init__.py").touch()
    if operators is not None:
        (package / "_ext.py").write_text(operators)
    for name in [m for m in sys.modules if m.partition(".")[0] == "mmcv"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(folder)


def test_compiled_operators_on_disk_are_used(tmp_path, monkeypatch):
    fake_mmcv(tmp_path, monkeypatch, "def nms(): return 'compiled'")
    try:
        assert mmcv_operators.install() == "compiled"
        assert sys.modules["mmcv._ext"].nms() == "compiled"
    finally:
        for name in ("mmcv", "mmcv._ext"):
            sys.modules.pop(name, None)


def test_broken_operators_are_reported_not_replaced(tmp_path, monkeypatch):
    fake_mmcv(tmp_path, monkeypatch, "raise ImportError('undefined symbol: _ZN3c10')")
    try:
        with pytest.raises(InputError, match=r"do not load \(undefined symbol: _ZN3c10\)"):
            mmcv_operators.install()
        assert "mmcv._ext" not in sys.modules
    finally:
        sys.modules.pop("mmcv", None)


def test_without_mmcv_it_says_so(unregistered, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="mmcv is not installed"):
        mmcv_operators.install()


def test_importing_the_module_imports_no_mmcv():
    """Nor does install() where mmcv has no compiled operators: the order of imports is free."""
    program = (
        "import sys; from noisyseg.bench.training import mmcv_operators as m; "
        "assert not [n for n in sys.modules if n.startswith('mmcv')]; "
        "used = m.install(); "
        "assert used == 'compiled' or 'mmcv' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
