"""Geometry noise: masks and boxes that are drawn carelessly."""

from collections.abc import Mapping
from typing import Any

from noisyseg.noise.draws import StepDraws
from noisyseg.noise.spec import NoiseStep


def geometry_step(
    step: NoiseStep, document: Mapping[str, Any], draws: StepDraws, *, workers: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    raise NotImplementedError
