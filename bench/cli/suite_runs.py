"""A suite's runs and their records, for the commands that only read them."""

from collections.abc import Sequence

from noisyseg.bench.cli.output import say
from noisyseg.bench.cli.suite_choice import SuiteChoice, chosen_suite
from noisyseg.bench.config.suite import Suite
from noisyseg.bench.runs.grid import foresee
from noisyseg.bench.runs.inputs import check
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore


def foreseen(choice: SuiteChoice, *, writes: bool) -> tuple[Suite, list[Run], RunStore]:
    """A suite, its runs, done or not, and the store that they lie in; nothing is written.

    Args:
        choice: of the suite.
        writes: whether the command will write into the store.

    Raises:
        InputError: an unusable suite, data or noise, or a store that cannot be written to.
    """
    suite = chosen_suite(choice, download=False)
    store = RunStore(choice.out)
    if writes:
        store.check_writable()
    return suite, foresee(suite, store, *check(suite, store)), store


def known_records(runs: Sequence[Run], store: RunStore) -> dict[str, Record]:
    """Every record that holds, of failed runs too; a corrupt one is set aside and named."""
    records = {}
    for entry in {entry.key: entry for entry in runs}.values():
        record, problem = store.load_or_set_aside(entry.spec)
        if problem:
            say(problem)
        if record is not None:
            records[entry.key] = record
    return records
