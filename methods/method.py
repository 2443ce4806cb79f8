"""What a method is: a loss, its name, its parameters and where it comes from."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any

from noisyseg.methods.running import RunningMethod
from noisyseg.methods.stages import Beginning, Stage

GIVEN = ("logits", "labels", "ctx")
"""What a loss function is called with; its other parameters are the method's."""

Value = float | bool | str

_LOSSES = "noisyseg.methods.losses"


@dataclass(kw_only=True, slots=True, frozen=True)
class MethodSource:
    """A method in a file, as it was read.

    Attributes:
        path: as given.
        name: of the function or class in it, and of the method.
        content: the file's bytes.
    """

    path: str
    name: str
    content: bytes


@dataclass(kw_only=True, frozen=True)
class Method:
    """A training loss and where it comes from."""

    name: str
    """The name in suites, records and tables."""
    definition: Callable[..., Any] | str
    """A function `(logits, labels, [ctx,] **parameters)` -> loss per RoI, or a class that is built
    with the parameters and has `loss(logits, labels, ctx)` (see `running`). Of a built-in, where
    that is: "file:name" in `losses`, imported on first use, since torch takes seconds."""
    paper: str
    """The publication that defines it."""
    summary: str
    """One line on what it does."""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    """Of a built-in: every parameter and its default, in the order of its definition."""
    needs: tuple[str, ...] = ()
    """Of a built-in: what of its context it cannot do without, as long as parameters keep their
    defaults."""
    first_stage: str | None = None
    """Of a built-in: the parameter that says at which share of all epochs its first stage ends."""
    begins_as: Beginning | None = None
    """Which other method it is in its first epochs; None: it is itself from the start."""
    version: int | None = None
    """Of a built-in: raised whenever the method's numbers could change; part of the run key."""
    later: tuple[tuple[str, Value, int], ...] = ()
    """(parameter, value, version): of a change that touched the numbers of that value alone, so
    that records with another stay what they are."""
    file_sha256: str | None = None
    """Of anyone's own: its file's hash, in the key in the version's place."""
    origin: str = "built in"
    """Where it was found: a distribution or a file."""
    source: MethodSource | None = None
    """The file's content, which goes along with the runs; None where it is installed."""

    @property
    def called(self) -> str:
        """What the command line calls it: its name, or its file and its name there."""
        return self.name if self.source is None else f"{self.source.path}:{self.name}"

    def load(self) -> Callable[..., Any]:
        """The function or class itself; a built-in's file is imported now."""
        if not isinstance(self.definition, str):
            return self.definition
        file, _, name = self.definition.partition(":")
        loaded: Callable[..., Any] = getattr(import_module(f"{_LOSSES}.{file}"), name)
        return loaded

    @cached_property
    def defaults(self) -> dict[str, Value]:
        """Every parameter and its default: declared by a built-in, else of the signature."""
        if isinstance(self.definition, str):
            return dict(self.parameters)
        parameters = inspect.signature(self.definition).parameters.values()
        given = () if isinstance(self.definition, type) else GIVEN
        values = {p.name: p.default for p in parameters if p.name not in given}
        # 1 and 1.0 as a default are the same parameter, and must give the same run key.
        return {name: float(v) if type(v) is int else v for name, v in values.items()}

    def version_with(self, parameters: Mapping[str, Value]) -> int:
        """A built-in's version, for parameters with all their defaults filled in."""
        assert self.version is not None
        later = (version for name, value, version in self.later if parameters[name] == value)
        return max((self.version, *later))


@dataclass(kw_only=True, slots=True, frozen=True)
class ResolvedMethod:
    """A method with a value for each of its parameters."""

    method: Method
    """The registry's entry."""
    parameters: Mapping[str, Value]
    """All parameters, defaults filled in."""

    @property
    def name(self) -> str:
        """The method's own name, never an alias."""
        return self.method.name

    def spec(self) -> dict[str, Any]:
        """What the run key holds of a method: name, version or file hash, every parameter."""
        release: dict[str, Any] = {"file_sha256": self.method.file_sha256}
        if self.method.file_sha256 is None:
            release = {"version": self.method.version_with(self.parameters)}
        return {"name": self.method.name, **release, "parameters": dict(self.parameters)}

    @property
    def needs(self) -> tuple[str, ...]:
        """What of its context it cannot do without; a built-in with its defaults loads nothing."""
        method = self.method
        if isinstance(method.definition, str) and self.parameters == method.defaults:
            return method.needs
        return self.start().needs

    def first_stage_end(self, num_epochs: int) -> int | None:
        """The number of epochs after which its loss is another; None where nothing tells."""
        parameter = self.method.first_stage
        if parameter is None:
            return None
        return Stage(name="first", until=float(self.parameters[parameter])).last_epoch(num_epochs)

    def start(self) -> RunningMethod:
        """The method at the beginning of a training, with a state of its own.

        Raises:
            ValueError: a parameter out of its range, if the definition is a class.
        """
        return RunningMethod(self.method.load(), self.parameters)
