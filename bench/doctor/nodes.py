"""Every node of a cluster looked at: the same checks there, and what must agree between them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from secrets import token_hex
from shlex import quote
from typing import TYPE_CHECKING

from noisyseg.bench.doctor import devices, machine, storage, versions
from noisyseg.bench.doctor.finding import Check, Finding, examined, ok, problem, warning
from noisyseg.bench.doctor.suite_inputs import Place, input_files

if TYPE_CHECKING:
    from noisyseg.bench.cluster.node_answers import NodeAnswer

_MOST_AHEAD_S = 2.0
TOKEN = "token"


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What a node is asked.

    Attributes:
        token: what was written into a file, and that file's absolute path here.
        inputs: files and folders that runs read, absolute; of files their size, else None.
    """

    token: tuple[str, Path]
    inputs: tuple[tuple[Path, int | None], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a node tells.

    Attributes:
        findings: of the machine alone.
        versions: by package.
        gpus: that torch sees.
        sees_out: whether the token was read.
        lock: of the token's file, which another process holds: "refused" where that is seen.
        lacking: inputs that are not there, or of another size.
    """

    findings: list[Finding]
    versions: dict[str, str]
    gpus: int
    sees_out: bool
    lock: str
    lacking: list[Path]


def machine_checks() -> list[tuple[str, Check]]:
    """What is looked at of a machine by itself: here, and on every node."""
    return [
        ("Python", versions.python),
        ("noisyseg", versions.own_version),
        ("packages", versions.packages),
        ("mmdet's stack", versions.clashes),
        ("torch", devices.torch_imports),
        ("mmcv operators", devices.operators),
        ("CUDA driver", devices.driver),
        ("GPUs", devices.gpus),
        ("CPUs", machine.processors),
        ("memory", machine.memory),
        ("shared memory", machine.shared_memory),
    ]


def all_nodes(address: str, suite: str | None, place: Place) -> Iterator[Finding]:
    """What is found on each node of the cluster at an address, and between them.

    Args:
        suite: whose inputs each node must have; None: none are looked for.
        place: of inputs and runs.
    Raises:
        InputError: no Ray at the address.
    """
    from noisyseg.bench.cluster.node_answers import ask_nodes

    inputs = input_files(suite, place) if suite is not None else []
    if place.root is not None and place.root.is_dir():
        inputs = [place.root.absolute(), *inputs]
    with _asking(place.out, inputs) as question:
        answers = ask_nodes(address, told_by_node, question)
    name = "nodes"
    yield ok(name, f"{len(answers)} at {address}: {', '.join(one.node for one in answers)}")
    for answer in answers:
        yield from of_node(answer, place)
    yield from differences({one.node: one.value.versions for one in answers if one.value})


def told_by_node(question: Question) -> Told:
    """Called on a node: what is found there."""
    found = [one for name, check in machine_checks() for one in examined(name, check)]
    found += examined("free space", partial(storage.free_space, "free space", storage.temporary()))
    token, file = question.token
    try:
        sees = file.read_text() == token
    except OSError:
        sees = False
    return Told(
        findings=found,
        versions=versions.versions_here(),
        gpus=devices.gpu_count(),
        sees_out=sees,
        lock=storage.asked_for(file) if sees else "",
        lacking=[path for path, size in question.inputs if not _is_there(path, size)],
    )


def of_node(answer: "NodeAnswer", place: Place) -> Iterator[Finding]:
    """A node's findings: what it told, and what that means beside what is here."""
    for finding in _of_node(answer, place):
        yield replace(finding, node=answer.node)


def _of_node(answer: "NodeAnswer", place: Place) -> Iterator[Finding]:
    if answer.ahead is not None:
        yield _clock(answer.ahead)
    if answer.problem:
        yield problem("noisyseg", answer.problem, answer.mend)
        return
    told: Told = answer.value
    yield from told.findings
    yield from _counted(answer.gpus, told.gpus)
    yield from _out(told, place)
    for path in told.lacking:
        text = f"{path} is not there as it is here; runs look for it at the same path on every node"
        here = quote(str(path))
        yield problem("data", text, f"rsync -a {here} {answer.node.split()[0]}:{here}")


def _out(told: Told, place: Place) -> Iterator[Finding]:
    if not told.sees_out:
        text = f"{place.out} is not seen from there: what its runs leave comes back through Ray"
        yield ok("results", text)
    elif told.lock == "refused":
        yield ok("results", f"{place.out} is seen from there, and so are its locks")
    else:
        text = f"{place.out} is seen from there, but a lock that is held here was {told.lock}: "
        text += "drivers on two machines would do a run twice"
        mend = "noisyseg run …  # from one machine alone, or mount the folder with locks (flock)"
        yield warning("results", text, mend)


def _counted(given: float, there: int) -> Iterator[Finding]:
    """Whether Ray gives out the GPUs that there are."""
    if given == there:
        return
    text = f"Ray gives out {given:g} GPUs, torch sees {there}"
    mend = f"ray stop && ray start --num-gpus={there} …  # there"
    yield (problem if given > there else warning)("GPUs of Ray", text, mend)


def _clock(ahead: float) -> Finding:
    if abs(ahead) <= _MOST_AHEAD_S:
        return ok("clock", "as here")
    text = f"{abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    return warning("clock", text, "timedatectl set-ntp true  # there, and here")


def differences(nodes: Mapping[str, Mapping[str, str]]) -> Iterator[Finding]:
    """Packages of which nodes have different versions: runs of one suite would be made by both.

    Args:
        nodes: name → package → version.
    """
    packages = {package: None for found in nodes.values() for package in found}
    differing = False
    for package in packages:
        found = {node: one.get(package, "none") for node, one in nodes.items()}
        counted = Counter(found.values()).most_common()
        if len(counted) == 1:
            continue
        differing = True
        usual = counted[0][0]
        others = [f"{version} on {node}" for node, version in found.items() if version != usual]
        text = f"{usual} on most nodes, but {', '.join(others)}"
        yield problem(f"{package} between nodes", text, f"pip install {package}=={usual}  # there")
    if len(nodes) > 1 and not differing:
        yield ok("versions between nodes", "the same")


@contextmanager
def _asking(out: Path, inputs: Sequence[Path]) -> Iterator[Question]:
    """The question; meanwhile a file with a token lies in the runs' folder, and is locked."""
    token = token_hex(16)
    sizes = tuple((path, path.stat().st_size if path.is_file() else None) for path in inputs)
    with ExitStack() as stack:
        try:
            file = stack.enter_context(storage.probe_folder(out)) / TOKEN
            file.write_text(token)
            stack.enter_context(storage.locked(file))
        except OSError:  # of which this machine's own checks tell
            file = out.absolute() / TOKEN
        yield Question(token=(token, file), inputs=sizes)


def _is_there(path: Path, size: int | None) -> bool:
    if size is None:
        return path.is_dir()
    return path.is_file() and path.stat().st_size == size
