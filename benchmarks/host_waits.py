"""Counts what a program asks of PyTorch: operators called, and waits of the CPU for a GPU.

On any device: what would wait on a GPU is told by the operation, so that it shows on a CPU, too.
Whatever happens while `HostWaits` is entered is counted, the backward pass included. On a CPU two
things cannot be seen, both ways of copying to a GPU: `.to(device)` and `copy_`; they are counted
where there is a GPU.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils._python_dispatch import TorchDispatchMode

# Operators that read a result on the CPU before they return, and how they are called here.
WAITING = {
    "aten::_local_scalar_dense": "item, float, bool",
    "aten::nonzero": "nonzero",
    "aten::masked_select": "masked_select",
    "aten::_unique": "unique",
    "aten::_unique2": "unique",
    "aten::unique_dim": "unique",
    "aten::unique_consecutive": "unique",
    "aten::unique_dim_consecutive": "unique",
    "aten::equal": "equal",
    "aten::bincount": "bincount",
    "torchvision::nms": "nms",
}
INDEXING = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}
COPYING = {"aten::_to_copy", "aten::copy_"}
TO_CPU, FROM_CPU = "copy to the CPU", "copy from the CPU"
BY_MASK, REPEAT = "index by a mask", "repeat_interleave"


class HostWaits(TorchDispatchMode):
    """Counts operators and waits while it is entered; it may be entered again and goes on.

    Attributes:
        calls: operators called, by name; an operator within another does not count.
        waits: operations that make the CPU wait for the accelerator, by what they are.
    """

    def __init__(self, device: torch.device | str) -> None:
        """Where the program's tensors lie; on a CPU every tensor is taken for a GPU's."""
        super().__init__()
        self.kind = torch.device(device).type
        self.calls: Counter[str] = Counter()
        self.waits: Counter[str] = Counter()
        self._stepping = False
        self._open = ExitStack()

    def __enter__(self) -> "HostWaits":
        """Begin to count."""
        for name, hook in (("pre", True), ("post", False)):
            self._open.callback(_optimizer_hook(name, self._told(hook)).remove)
        for owner, name, what, applies in self._patches():
            changed = self._counting(getattr(owner, name), what, applies)
            self._open.enter_context(mock.patch.object(owner, name, changed))
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        """End it."""
        super().__exit__(*error)
        self._open.close()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Count an operator, then do it."""
        kwargs = kwargs or {}
        name = func.name().partition(".")[0]
        self.calls[name] += 1
        for what, count in self._waits(name, args, kwargs):
            self.waits[what] += count
        return func(*args, **kwargs)

    def _waits(self, name: str, args: Any, kwargs: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
        first = args[0] if args and isinstance(args[0], Tensor) else None
        if first is None:
            return
        if name in COPYING:
            yield from self._copies(name, args, kwargs)
        elif first.device.type != self.kind:
            return
        elif name == "aten::_local_scalar_dense" and self._stepping and self.kind == "cpu":
            return  # an optimizer's count of its steps, which lies on the CPU with a GPU, too
        elif name in WAITING:
            yield WAITING[name], 1
        elif name in INDEXING:
            yield from _masks(name, args)
        elif name == "aten::repeat_interleave" and kwargs.get("output_size") is None:
            yield REPEAT, 1

    def _copies(self, name: str, args: Any, kwargs: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
        """Between accelerator and CPU, unless they are said to run beside."""
        if name == "aten::copy_":
            source, target = args[1].device, args[0].device
            beside = args[2] if len(args) > 2 else kwargs.get("non_blocking", False)
        else:
            source = args[0].device
            target = torch.device(kwargs.get("device") or source)
            beside = kwargs.get("non_blocking", False)
        if beside or source.type == target.type:
            return
        yield TO_CPU if target.type == "cpu" else FROM_CPU, 1

    def _told(self, stepping: bool) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            self._stepping = stepping

        return hook

    def _patches(self) -> Iterable[tuple[Any, str, str, Callable[..., bool]]]:
        """What no operator tells of: owner, name, what it is, and whether a call counts."""
        yield Tensor, "new_tensor", FROM_CPU, _of_values
        yield torch, "tensor", FROM_CPU, _to_a_device
        yield torch, "as_tensor", FROM_CPU, _to_a_device
        if self.kind == "cpu":
            yield Tensor, "cpu", TO_CPU, _always
            yield Tensor, "tolist", TO_CPU, _always
            yield Tensor, "to", TO_CPU, _to_the_cpu
        elif self.kind == "cuda":
            yield torch.cuda, "synchronize", "synchronize", _always
            yield torch.cuda.Event, "synchronize", "synchronize", _always
            yield torch.cuda.Stream, "synchronize", "synchronize", _always

    def _counting(
        self, original: Callable[..., Any], what: str, applies: Callable[..., bool]
    ) -> Callable[..., Any]:
        def changed(*args: Any, **kwargs: Any) -> Any:
            if applies(*args, **kwargs):
                self.waits[what] += 1
            return original(*args, **kwargs)

        return changed


def _optimizer_hook(when: str, hook: Callable[..., None]) -> Any:
    registered = {
        "pre": register_optimizer_step_pre_hook,
        "post": register_optimizer_step_post_hook,
    }
    return registered[when](hook)


def _masks(name: str, args: Any) -> Iterable[tuple[str, int]]:
    """Indices that are masks: each becomes a list of indices first, unless it is but filled by."""
    masks = [
        index
        for index in args[1]
        if isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8)
    ]
    fills = name != "aten::index" and args[2].numel() == 1 and len(masks) == len(args[1])
    if masks and not fills:
        yield BY_MASK, len(masks)


def _always(*_: Any, **__: Any) -> bool:
    return True


def _of_values(tensor: Tensor, data: Any, *_: Any, **__: Any) -> bool:
    return not isinstance(data, Tensor)


def _to_a_device(data: Any, *_: Any, device: Any = None, **__: Any) -> bool:
    """Whether values go to a device that was asked for, other than by its name as the CPU."""
    return device not in (None, "cpu") and not isinstance(data, Tensor)


def _to_the_cpu(tensor: Tensor, *args: Any, **kwargs: Any) -> bool:
    return "cpu" in [value for value in (*args, *kwargs.values()) if isinstance(value, str)]


def table(counts: Mapping[str, float], *, most: int = 12) -> list[str]:
    """Lines of a table of what was counted, the most frequent first."""
    rows = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    shown = [f"{value:>10.1f}  {name}" for name, value in rows[:most]]
    left = sum(value for _, value in rows[most:])
    return [*shown, f"{left:>10.1f}  others"] if left else shown
