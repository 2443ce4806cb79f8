"""What `run` says of its runs at the end, and the status that it ends with."""

from collections.abc import Sequence

from noisyseg.bench.cli.output import DONE, SOME_FAILED, say
from noisyseg.bench.cluster.scheduler import Done
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.store import is_done


def say_outcome(runs: Sequence[Run], done: Done) -> int:
    """Name the runs that failed or were not begun, and the files for COCO's server.

    Args:
        runs: those that were to be done.
        done: what came of them.
    Returns:
        The exit status: runs that another process has under way are none of this one's failures.
    """
    left = {run.key for run in done.left}
    failed = [run for run in runs if run.key not in left and not is_done(done.records.get(run.key))]
    for run in {run.key: run for run in failed}.values():
        record = done.records.get(run.key)
        reason = record["failure"]["message"].splitlines()[0] if record else _not_run(done)
        fault = record["failure"].get("fault") if record else None
        kind = f" ({fault})" if fault not in (None, "other") else ""
        say(f"FAILED {run.label}{kind}: {reason}\n  log: {run.output}")
    unwritten = [r for r in runs if r not in failed and r.key not in left and r.lacks_submission]
    for run in unwritten:
        say(f"NO FILE FOR COCO'S SERVER {run.label}\n  log: {run.output}")
    for run in runs:
        if run.submission is not None and run not in unwritten + failed and run.key not in left:
            say(f"for COCO's server: {run.submission_file}")
    _say_others(runs, done)
    return SOME_FAILED if failed or unwritten else DONE


def _not_run(done: Done) -> str:
    if done.is_full:
        return "not begun, since the disk is full: make room, and call the same command again"
    return "not run"


def _say_others(runs: Sequence[Run], done: Done) -> None:
    """What another process on the same store did meanwhile, or is doing."""
    total = len({run.key for run in runs})
    if by_others := sum(is_done(done.records.get(key)) for key in done.by_others):
        say(f"{by_others} of the {total} runs were done by another process meanwhile")
    for run in done.left:
        say(f"left to another process, which has it under way: {run.label}")
