"""What a type of noise is: its parameters, and the one function that its family asks for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from noisyseg.noise.categories import Categories
from noisyseg.noise.draws import StepDraws
from noisyseg.noise.masks.instance import Instance
from noisyseg.noise.scene import Presence, Scene
from noisyseg.noise.transition import Transition
from noisyseg.noise.types.parameters import Parameter, Place

Parameters = Mapping[str, Any]
Change = Callable[[Instance, Parameters, StepDraws], "Instance | None"]
"""Redraws an instance; None if it would vanish."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassLaw:
    """What a type of class noise does in one file.

    Attributes:
        transition: decides the new classes.
        detail: what was drawn for the file as a whole, JSON-able; it goes into the manifest.
    """

    transition: Transition
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseType:
    """A registered type of noise.

    Attributes:
        name: as a spec writes it.
        version: raised whenever the noise of an equal spec could change.
        family: "class", "geometry" or "presence".
        summary: one line.
        source: the paper that defines it.
        differs: in what the noise is another than that of the source, as far as known; a sentence
            or two that users read, empty where there is nothing to say.
        parameters: beside `type`, by name, in the order of the documentation.
        presets: name -> values of some parameters.
        finish: looks at all parsed parameters together; those that a user left out and that have
            no fixed default are None.
        law: of class noise: what it does, given parameters, categories and draws.
        change: of geometry noise: the redrawn instance; the same object where nothing moved, None
            where nothing would be left.
        needs_mask: of geometry noise: whether it redraws only annotations with a segmentation.
        apply: of presence noise: what goes and what comes.
        check: refuses annotations that the type could not change if a draw chose them; it sees the
            clean file, with those that the step may touch as `eligible`.
    """

    name: str
    version: int
    family: str
    summary: str
    source: str
    differs: str = ""
    parameters: Mapping[str, Parameter]
    presets: Mapping[str, Parameters] = field(default_factory=dict)
    finish: Callable[[dict[str, Any], Place], dict[str, Any]] = lambda parameters, _: parameters
    law: Callable[[Parameters, Categories, StepDraws], ClassLaw] | None = None
    change: Change | None = None
    needs_mask: bool = True
    apply: Callable[[Parameters, Scene, StepDraws], Presence] | None = None
    check: Callable[[Parameters, Scene], None] = lambda parameters, scene: None
