"""What runs are dispatched with."""

from dataclasses import dataclass

from noisyseg.bench.cluster.away import Home
from noisyseg.bench.cluster.driver_package import DriverPackage
from noisyseg.bench.cluster.jobs import Jobs
from noisyseg.bench.cluster.progress import Display
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.cluster.share import Share
from noisyseg.bench.runs.journal import Journal
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.store import RunStore


@dataclass(kw_only=True, eq=False)
class Ground:
    """What runs are dispatched with.

    Attributes:
        jobs: where they are done.
        share: what each takes there.
        package: the driver's noisyseg.
        home: what gives files to nodes that do not see the store; None where all do.
    """

    jobs: Jobs
    share: Share
    settings: ClusterSettings
    store: RunStore
    package: DriverPackage
    display: Display
    journal: Journal
    home: Home | None = None

    def tell(self, event: str, run: Run | None = None, **details: object) -> None:
        """Add to the journal what happened, to a run or to all."""
        own = {} if run is None else {"key": run.key, "label": run.label}
        self.journal.tell(event, **own, **details)
