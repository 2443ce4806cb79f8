"""How a run ended, in a line."""

from noisyseg.bench.cluster.run_row import duration
from noisyseg.bench.runs.run import STEP, Run
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import is_done, is_stopped
from noisyseg.text_lines import printable


def outcome_line(run: Run, record: Record, *, elsewhere: bool = False) -> str:
    """One line for a run that has ended."""
    where = ", by another driver" if elsewhere else ""
    if is_stopped(record):
        return printable(f"{run.label}: stopped{where}: {record['failure']['fault']}")
    if not is_done(record):
        reason = record["failure"]["message"].splitlines()[0]
        text = f"{run.label}: FAILED{where}: {reason} (log: {run.folder / 'run.log'})"
        return printable(text)
    average = record["metrics"]["segm"]["AP"]
    value = "unknown" if average is None else f"{average:.1f}"
    seconds = sum(taken for stage, taken in record["timings"].items() if stage != STEP)
    return printable(f"{run.label}: mask AP {value} in {duration(seconds)}{where}")
