"""Everything that is looked at, in the order in which it is told."""

from functools import partial

from noisyseg.bench.doctor import leftovers, storage
from noisyseg.bench.doctor.finding import Check, Finding, examined, problem
from noisyseg.bench.doctor.nodes import all_nodes, machine_checks
from noisyseg.bench.doctor.ray_here import private_ray
from noisyseg.bench.doctor.suite_inputs import Place, one_suite, shipped_suites
from noisyseg.errors import InputError


def diagnosis(suite: str | None, place: Place, address: str | None) -> list[Finding]:
    """What is found on this machine, and on every node of a cluster if an address is given.

    Args:
        suite: whose data and weights are looked at; None: those of all that come with noisyseg.
        place: of data and runs; nothing stays in it.
        address: a Ray cluster's; None: a private Ray is tried here.
    """
    return [
        finding
        for name, check in _checks(suite, place, address)
        for finding in examined(name, check)
    ]


def _checks(suite: str | None, place: Place, address: str | None) -> list[tuple[str, Check]]:
    inputs: Check = partial(shipped_suites, place)
    if suite is not None:
        inputs = partial(one_suite, suite, place)
    found: list[tuple[str, Check]] = [
        *machine_checks(),
        *storage.folder_checks("--out", place.out),
        ("temporary files", partial(storage.free_space, "temporary files", storage.temporary())),
        ("suites" if suite is None else f"suite {suite}", inputs),
        ("old Rays", partial(leftovers.old_rays, daemons=address is None)),
    ]
    # Ray keeps the token of the first cluster that a process meets: either, not both.
    if address is None:
        return [*found, ("Ray", private_ray)]
    return [*found, ("nodes", partial(_nodes, address, suite, place))]


def _nodes(address: str, suite: str | None, place: Place) -> list[Finding]:
    try:
        return list(all_nodes(address, suite, place))
    except InputError as error:
        listening = "token" in str(error)  # something does, but answers nobody without it
        mend = "export RAY_AUTH_MODE=token" if listening else f"ray status --address {address}"
        return [problem("nodes", str(error), mend)]
