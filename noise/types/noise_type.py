"""What a type of noise is: its family, with what it does, and its parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from noisyseg.noise.families.family import Family, Parameters
from noisyseg.noise.types.parameters import Parameter, Place


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseType:
    """A registered type of noise.

    Attributes:
        name: as a spec writes it.
        version: raised whenever the noise of an equal spec could change.
        family: what it changes, and how: `ClassNoise`, `GeometryNoise`, …
        summary: one line.
        source: the paper that defines it.
        differs: in what the noise is another than that of the source, as far as known; a sentence
            or two that users read, empty where there is nothing to say.
        parameters: beside `type`, by name, in the order of the documentation.
        presets: name -> values of some parameters.
        finish: looks at all parsed parameters together; those that a user left out and that have
            no fixed default are None.
    """

    name: str
    version: int
    family: Family
    summary: str
    source: str
    differs: str = ""
    parameters: Mapping[str, Parameter]
    presets: Mapping[str, Parameters] = field(default_factory=dict)
    finish: Callable[[dict[str, Any], Place], dict[str, Any]] = lambda parameters, _: parameters
