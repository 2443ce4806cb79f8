"""COCO's own settings, by which every run is evaluated."""

from typing import Any

# What a run's key says of its evaluation: raise the version whenever a number could change.
EVALUATION: dict[str, Any] = {
    "version": 1,
    "settings": {
        "iou_thresholds": [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95],
        "recall_points": 101,
        "max_detections": [1, 10, 100],
        "area_ranges": {
            "all": [0, 10_000_000_000],
            "small": [0, 1024],
            "medium": [1024, 9216],
            "large": [9216, 10_000_000_000],
        },
    },
}
TOLERANCE = 1e-9
"""Of a fraction: where the fast program differs by more from the reference, that is reported."""
