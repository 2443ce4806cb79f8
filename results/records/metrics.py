"""The numbers that a record holds, by the names that tables and figures call them."""

from collections.abc import Mapping
from typing import Any

from noisyseg.errors import InputError, unknown_name

METRICS = {
    "segm.AP": "Mask AP (%)",
    "segm.AP50": "Mask AP50 (%)",
    "segm.AP75": "Mask AP75 (%)",
    "segm.APs": "Mask AP of small objects (%)",
    "segm.APm": "Mask AP of medium objects (%)",
    "segm.APl": "Mask AP of large objects (%)",
    "bbox.AP": "Box AP (%)",
    "bbox.AP50": "Box AP50 (%)",
    "bbox.AP75": "Box AP75 (%)",
    "bbox.APs": "Box AP of small objects (%)",
    "bbox.APm": "Box AP of medium objects (%)",
    "bbox.APl": "Box AP of large objects (%)",
    "agnostic.AP": "Class-agnostic mask AP (%)",
    "agnostic.AP50": "Class-agnostic mask AP50 (%)",
    "agnostic.AP75": "Class-agnostic mask AP75 (%)",
    "agnostic.AR100": "Class-agnostic mask AR, 100 detections (%)",
    "matched.accuracy": "Class accuracy of the instances found (%)",
}
"""Metric → what it is, in percent."""
DEFAULT = "segm.AP"
_PLACES = {name: tuple(name.split(".")) for name in METRICS}


def check_metric(name: str) -> str:
    """The name, if it is a metric's.

    Raises:
        InputError: it is none.
    """
    if name not in METRICS:
        raise unknown_name("metric", name, METRICS)
    return name


def metric_value(metrics: Mapping[str, Any], name: str) -> float | None:
    """A metric of a record that is done; None where it has no ground truth, or where the record is
    older than the metric.

    Raises:
        InputError: no such metric, or something that is no number in its place.
    """
    part, key = _PLACES.get(name) or _PLACES[check_metric(name)]
    section = metrics.get(part, {})
    if not isinstance(section, Mapping):
        raise InputError(f"metrics.{part}: wanted numbers by name, got {type(section).__name__}")
    value = section.get(key)
    if value is None or type(value) is float:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"metric {name!r}: wanted a number, got {type(value).__name__}")
    try:
        return float(value)
    except OverflowError as error:
        raise InputError(f"metric {name!r}: wanted a number, got one beyond any float") from error
