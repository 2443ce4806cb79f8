"""What a suite's runs gave, as its figures and its page are made from it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from matplotlib.figure import Figure

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.reporting.loss_logs import Observed
from noisyseg.bench.reporting.suite_table import suite_title
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.record import Record
from noisyseg.results.tables.shown_table import Table


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteResults:
    """What there is of a suite.

    Attributes:
        suite: whose labels they have.
        runs: of the suite, done or not.
        records: those that there are, by key.
        table: of the metric that figures show.
        observed: the runs whose logs tell of their class loss.
    """

    suite: Suite
    runs: Sequence[Run]
    records: Mapping[str, Record]
    table: Table
    observed: Sequence[Observed] = ()

    @property
    def measured(self) -> bool:
        """Whether any run has the table's metric."""
        return bool((self.table.cells["n"] > 0).any())

    @property
    def heading(self) -> str:
        """What figures of the metric are headed by."""
        return f"{self.table.value_name.removesuffix(' (%)')} · {suite_title(self.suite)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What one picture is of: the whole suite, one of its noise settings, or a box head in that.

    Attributes:
        label: as captions and titles call it; empty for the whole suite.
        ending: as file names call it; empty for the whole suite.
        noise: label of the noise setting; empty for the whole suite.
        head: 0-based; a cascade has several.
    """

    label: str = ""
    ending: str = ""
    noise: str = ""
    head: int = 0


Draw: TypeAlias = Callable[[SuiteResults, Setting], Figure | None]
"""Makes a picture; None where it has nothing to show."""
