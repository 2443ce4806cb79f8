"""What a type of noise is: its family, with what it does, and its parameters."""

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from noisyseg.errors import InputError
from noisyseg.noise.families.family import Family, Parameters
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.types.parameters import Parameter, Place

RESERVED = ("type", "version", "file_sha256", "preset")
"""Keys of a step that no parameter can be called."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a type of anyone's own comes from.

    Attributes:
        where: the distribution and its version, or the file.
        file_sha256: of the file that defines it, in hex; if those are several, of them one after
            the other.
    """

    where: str
    file_sha256: str


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
        trial: of a file's annotations, values as a spec writes them of parameters that have neither
            default nor preset, to try the type with.
        nests: whether what changes at one rate changes alike at a higher one.
        origin: of a type of anyone's own; set as it is loaded.
        finish: looks at all parsed parameters together; those that a user left out and that have
            no fixed default are None.
    """

    name: str
    version: int = 1
    family: Family
    summary: str
    source: str
    differs: str = ""
    parameters: Mapping[str, Parameter]
    presets: Mapping[str, Parameters] = field(default_factory=dict)
    finish: Callable[[dict[str, Any], Place], dict[str, Any]] = lambda parameters, _: parameters
    trial: Callable[[AnnotationTable], Parameters] = lambda table: {}
    nests: bool = True
    origin: Origin | None = None

    def __post_init__(self) -> None:
        lacking = [name for name in self.family.required if name not in self.parameters]
        unusable = [name for name in self.parameters if name in RESERVED]
        if lacking or unusable:
            wrong = f"needs {lacking[0]!r}" if lacking else f"cannot have {unusable[0]!r}"
            raise InputError(
                f"{self.name} noise {wrong} among its parameters: see the family and RESERVED."
            )

    @property
    def told(self) -> str:
        """What messages call it: its name, and where it comes from if that is not here."""
        return f"{self.name} noise{'' if self.origin is None else f' of {self.origin.where}'}"

    @contextmanager
    def faults_told(self) -> Iterator[None]:
        """What code of anyone's own raises becomes an error of its user's to mend.

        Raises:
            InputError: the type, what it raised, and the line.
        """
        try:
            yield
        except InputError:
            raise
        except (Exception, SystemExit) as error:
            if self.origin is None:
                raise
            last = traceback.extract_tb(error.__traceback__)[-1]
            raise InputError(
                f"{self.told} raised {type(error).__name__}: {error} ({last.filename}, line "
                f"{last.lineno}); `noisyseg noise check` tries it."
            ) from error
