"""One run of a bundle trained again, and how far its numbers lie from the claimed ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from noisyseg.bench.config.suite import SeedPair, Suite
from noisyseg.bench.leaderboard.contents import Contents, RunEntry, SuiteContents
from noisyseg.errors import InputError, unknown_name
from noisyseg.files import canonical_json
from noisyseg.methods.method import Method
from noisyseg.methods.registry import resolve
from noisyseg.results.records.metrics import METRICS, metric_value
from noisyseg.results.statistics.intervals import Description, describe

DECIDING = "segm.AP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A metric of a run that was trained again.

    Attributes:
        claimed: the bundle's number of that run.
        again: the one of the training now.
        cell: of all the bundle's runs of the setting; its prediction interval is where one more
            run would lie.
    """

    metric: str
    claimed: float
    again: float
    cell: Description

    @property
    def same(self) -> bool:
        """Whether the two are one number, but for the last bits."""
        return abs(self.claimed - self.again) <= 1e-6

    @property
    def within(self) -> bool | None:
        """Whether it lies within the seeds' spread; None where too few seeds tell."""
        if self.same:
            return True
        if self.cell.run_low is None or self.cell.run_high is None:
            return None
        return self.cell.run_low <= self.again <= self.cell.run_high


def named_run(contents: Contents, key: str) -> RunEntry:
    """The run of a bundle whose key begins so.

    Raises:
        InputError: none does, several do, or the bundle's training is unknown.
    """
    if contents.kind != "trained":
        raise InputError("the bundle's predictions were imported: how to train them is unknown.")
    found = [run for run in contents.runs if run.key.startswith(key)]
    if not found:
        raise unknown_name("run of the bundle", key, [run.key for run in contents.runs])
    if len(found) > 1:
        raise InputError(f"{len(found)} runs begin with {key}: give more of the key.")
    return found[0]


def suite_of(
    run: RunEntry,
    contents: Contents,
    stated: SuiteContents,
    suite: Suite,
    own: Mapping[str, Method],
) -> Suite:
    """The part of the installed suite that has this one run.

    Args:
        run: of the bundle.
        contents, stated: the bundle's own words.
        suite: the installed one.
        own: methods of files that the user named.

    Raises:
        InputError: no such setting, or a method that is not to be had here.
    """
    if run.noise not in suite.noise:
        raise unknown_name(f"noise setting of suite {suite.name}", run.noise, suite.noise)
    spec = stated.method
    method = resolve(spec.get("name"), spec.get("parameters") or {}, own=own)
    if canonical_json(method.spec()) != canonical_json(spec):
        raise InputError(
            f"the method {method.name!r} is another here than in the bundle: wanted "
            f"{str(spec)[:200]}, got {str(method.spec())[:200]}."
        )
    noise_seed = run.train_seed if run.noise_seed is None else run.noise_seed
    return replace(
        suite,
        methods={contents.method: method},
        noise={run.noise: suite.noise[run.noise]},
        seeds=[SeedPair(noise_seed, run.train_seed)],
    )


def comparisons(
    claimed: Mapping[str, Any], again: Mapping[str, Any], cell: Sequence[Mapping[str, Any]]
) -> list[Comparison]:
    """Every number of a run beside that of the training now.

    Args:
        claimed: metrics of the bundle's run.
        again: metrics of the training now.
        cell: metrics of all of the bundle's runs of the setting.
    """
    found = []
    for name in METRICS:
        stated, now = metric_value(claimed, name), metric_value(again, name)
        values = [v for v in (metric_value(one, name) for one in cell) if v is not None]
        if stated is not None and now is not None and values:
            found.append(Comparison(metric=name, claimed=stated, again=now, cell=describe(values)))
    return found


def conclusion(compared: Sequence[Comparison]) -> str:
    """One sentence, of the mask AP."""
    one = next(entry for entry in compared if entry.metric == DECIDING)
    gap = f"mask AP {one.again:.2f}, claimed {one.claimed:.2f}"
    if one.same:
        return f"REPRODUCED exactly: {gap}"
    if one.within is None:
        return f"{gap}: {one.cell.n} seed says nothing of the spread that another training has"
    low, high = one.cell.run_low, one.cell.run_high
    where = f"{low:.2f} to {high:.2f}, where one more run of {one.cell.n} such seeds would lie"
    if one.within:
        return f"REPRODUCED within the seeds' spread: {gap}; inside {where}"
    return f"NOT REPRODUCED: {gap}; outside {where}"
