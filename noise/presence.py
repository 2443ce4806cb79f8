"""Presence noise: annotations that are missing, and annotations of nothing."""

from collections.abc import Mapping
from typing import Any

from noisyseg.noise.draws import StepDraws
from noisyseg.noise.spec import NoiseStep


def presence_step(
    step: NoiseStep, document: Mapping[str, Any], draws: StepDraws
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    raise NotImplementedError
