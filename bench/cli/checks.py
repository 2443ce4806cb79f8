"""What a contract's checks found, as the `check` commands print it."""

from collections.abc import Sequence

from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text
from noisyseg.contract import Check


def status_of(checks: Sequence[Check]) -> int:
    """The exit status that the checks give."""
    return DONE if all(check.passed for check in checks) else SOME_FAILED


def print_checks(name: str, checks: Sequence[Check], untried: str) -> None:
    """A line for each check, and one for what was tried.

    Args:
        name: of what was tried.
        checks: at least one.
        untried: of which checks there are none and why, if one has failed; empty if of none.
    """
    width = max(len(check.name) for check in checks)
    for check in checks:
        state = "ok" if check.passed else "FAILED"
        print_text(f"{state:6}  {check.name:{width}}  {check.detail}".rstrip())
    failed, number = sum(not check.passed for check in checks), len(checks)
    rest = f"; {untried}" if untried else ""
    verdict = (
        f"{failed} of {number} checks FAILED{rest}" if failed else f"all {number} checks passed"
    )
    print_text(f"{name}: {verdict}")
