"""What the counter of operators and waits sees of small programs whose waits are known."""

import warnings

import pytest
import torch
from torch import nn
from torchvision.ops import nms

from benchmarks.host_waits import BY_MASK, FROM_CPU, REPEAT, TO_CPU, HostWaits, table

VALUES = torch.tensor([3.0, 1.0, 2.0])
MASK = VALUES > 1.5
BOXES = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 5], [8, 8, 9, 9]])

# A program → what waits in it, and how often.
PROGRAMS = {
    "item": (lambda: VALUES.sum().item(), {"item, float, bool": 1}),
    "float and if": (lambda: float(VALUES[0]) if VALUES.any() else 0, {"item, float, bool": 2}),
    "nonzero": (lambda: VALUES.nonzero(), {"nonzero": 1}),
    "where of one argument": (lambda: torch.where(MASK), {"nonzero": 1}),
    "mask": (lambda: VALUES[MASK], {BY_MASK: 1}),
    "two masks": (lambda: torch.ones(3, 3)[MASK, MASK], {BY_MASK: 2}),
    "indices": (lambda: VALUES[torch.tensor([2, 0])], {}),
    "put by a mask": (lambda: VALUES.clone().__setitem__(MASK, torch.ones(2)), {BY_MASK: 1}),
    "fill by a mask": (lambda: VALUES.clone().__setitem__(MASK, 1.0), {}),
    "masked_fill": (lambda: VALUES.masked_fill(MASK, 1.0), {}),
    "masked_select": (lambda: VALUES.masked_select(MASK), {"masked_select": 1}),
    "unique": (lambda: VALUES.unique(), {"unique": 1}),
    "equal": (lambda: torch.equal(VALUES, VALUES.clone()), {"equal": 1}),
    "bincount": (lambda: torch.bincount(MASK.long()), {"bincount": 1}),
    "repeats": (lambda: VALUES.repeat_interleave(torch.tensor([1, 2, 0])), {REPEAT: 1}),
    "so many repeats": (
        lambda: VALUES.repeat_interleave(torch.tensor([1, 2, 0]), output_size=3),
        {},
    ),
    "cpu, numpy": (lambda: VALUES.cpu().numpy(), {TO_CPU: 1}),
    "to the CPU": (lambda: VALUES.to("cpu"), {TO_CPU: 1}),
    "to a tensor's device": (lambda: VALUES.to(MASK.device), {}),
    "tolist": (lambda: VALUES.tolist(), {TO_CPU: 1}),
    "values to a device": (lambda: torch.tensor([1.0], device=VALUES.device), {FROM_CPU: 1}),
    "new_tensor": (lambda: VALUES.new_tensor([1.0]), {FROM_CPU: 1}),
    "values on the CPU": (lambda: torch.tensor([1.0]), {}),
    "nms": (lambda: nms(BOXES, VALUES, 0.5), {"nms": 1}),
    "arithmetic": (lambda: (VALUES * 2).softmax(0).topk(2), {}),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_wait_is_seen_once(name):
    program, waits = PROGRAMS[name]
    with HostWaits("cpu") as counted:
        program()
    assert dict(counted.waits) == waits


def test_operators_are_counted_and_the_backward_pass_with_them():
    weights = torch.ones(3, requires_grad=True)
    with HostWaits("cpu") as counted:
        loss = (weights * 2).sum()
    assert dict(counted.calls) == {"aten::mul": 1, "aten::sum": 1}
    with counted:
        loss.backward()
    assert counted.calls["aten::mul"] == 2
    assert weights.grad is not None


@pytest.mark.parametrize("foreach", [False, True])
def test_an_optimizers_count_of_its_steps_lies_on_the_cpu(foreach):
    layer = nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(layer.parameters(), foreach=foreach)
    layer(torch.ones(1, 2)).sum().backward()
    with HostWaits("cpu") as counted:
        optimizer.step()
    assert dict(counted.waits) == {}
    with counted:
        layer.weight.sum().item()
    assert dict(counted.waits) == {"item, float, bool": 1}


def test_nothing_stays_behind_even_after_an_error():
    before = (torch.Tensor.cpu, torch.Tensor.tolist, torch.tensor)
    with pytest.raises(ZeroDivisionError), HostWaits("cpu") as counted:
        raise ZeroDivisionError
    assert before == (torch.Tensor.cpu, torch.Tensor.tolist, torch.tensor)
    VALUES.sum().item()
    assert not counted.calls
    assert not counted.waits


def test_the_table_begins_with_the_most_frequent():
    lines = table({"a": 1, "b": 3, "c": 2}, most=2)
    assert [line.split() for line in lines] == [["3.0", "b"], ["2.0", "c"], ["1.0", "others"]]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", ["item", "nonzero", "mask", "fill by a mask", "tolist", "unique"])
def test_torch_itself_warns_of_the_same_waits(name):
    on_gpu = {"VALUES": VALUES.cuda(), "MASK": MASK.cuda()}
    program, _ = PROGRAMS[name]
    moved = type(program)(program.__code__, {**globals(), **on_gpu})
    moved()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            moved()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    with HostWaits("cuda") as counted:
        moved()
    waited = sum("synchroniz" in str(warning.message) for warning in caught)
    assert (counted.waits.total() > 0) == (waited > 0)
