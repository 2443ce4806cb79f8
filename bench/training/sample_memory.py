"""Training samples kept in memory, for small data: nothing is decoded or drawn twice."""

from collections.abc import Hashable
from typing import Any

from mmengine.structures import BaseDataElement

LIMIT_BYTES = 256 * 2**20


class SampleMemory:
    """Packed samples by key, as many as fit; each is handed out so that it can be written to."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self._left = limit
        self._samples: dict[Hashable, dict[str, Any]] = {}

    def get(self, key: Hashable) -> dict[str, Any] | None:
        """The sample kept under a key; None if there is none."""
        sample = self._samples.get(key)
        return None if sample is None else _copied(sample)

    def keep(self, key: Hashable, sample: dict[str, Any]) -> None:
        """Keep a sample, if it fits beside the others; it may be written to afterwards."""
        size = _bytes(sample)
        if size <= self._left:
            self._left -= size
            self._samples[key] = _copied(sample)


def _copied(value: Any) -> Any:
    """Own containers around the same tensors, masks and boxes, which mmdet replaces whole."""
    if isinstance(value, dict):
        return {key: _copied(entry) for key, entry in value.items()}
    if isinstance(value, set):
        return set(value)  # the names of an element's fields
    if isinstance(value, BaseDataElement):
        twin = object.__new__(type(value))
        twin.__dict__.update({key: _copied(entry) for key, entry in value.__dict__.items()})
        return twin
    return value


def _bytes(sample: dict[str, Any]) -> int:
    """Of pixels and masks, beside which the rest is little."""
    truth = sample["data_samples"]
    parts = [truth.gt_instances, truth.ignored_instances]
    masks = sum(part.masks.masks.nbytes for part in parts if "masks" in part)
    return int(sample["inputs"].nbytes + masks)
