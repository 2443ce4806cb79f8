"""Python, noisyseg and the packages that it needs, by what their distributions say."""

import platform
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import noisyseg
from noisyseg.bench.doctor.finding import Finding, ok, problem, warning
from noisyseg.bench.runs.environment import describe_environment, package_version
from noisyseg.bench.training.distributions import conflict_message, conflicting_distributions
from noisyseg.training_extra import PACKAGES

TRAIN = "train"
_INSTALL = "pip install --upgrade 'noisyseg[train]'"
_IN_CHECKOUT = "pip install -e '.[train]'"


def python() -> Iterator[Finding]:
    """Python's version, against the one that noisyseg asks for."""
    from packaging.specifiers import SpecifierSet

    version, where = platform.python_version(), platform.machine()
    wanted = _metadata_of_noisyseg()
    asked = "" if wanted is None or "Requires-Python" not in wanted else wanted["Requires-Python"]
    text = f"{version} on {platform.system()} {where}"
    if asked and version not in SpecifierSet(asked):
        mend = "make setup PYTHON=/path/to/python3.12"
        yield problem("Python", f"{text}; noisyseg needs {asked}", mend)
    else:
        yield ok("Python", text)


def own_version() -> Iterator[Finding]:
    """Version, commit and place of noisyseg."""
    folders = [str(Path(folder)) for folder in noisyseg.__path__]
    commit = describe_environment(device="", threads=0)["git_commit"]
    text = f"{noisyseg.__version__} in {' and '.join(folders)}"
    yield ok("noisyseg", text if commit is None else f"{text}, commit {commit}")


def packages() -> Iterator[Finding]:
    """What noisyseg needs: each package that is too old or absent, and the others in one line."""
    wanted = _wanted()
    if wanted is None:
        text = "noisyseg is not installed here, so that nothing says which versions it needs"
        yield warning("packages", text, _IN_CHECKOUT)
        absent = [name for name in PACKAGES if find_spec(name) is None]
        if absent:
            yield problem("packages", f"not installed: {', '.join(absent)}", _INSTALL)
        return
    versions = {name: package_version(name) for name, _, _ in wanted}
    lacking = [name for name, _, extra in wanted if extra and versions[name] is None]
    trains = sum(extra for _, _, extra in wanted)
    if lacking and len(lacking) == trains:
        yield problem("packages", "what trains is not installed: no torch, no mmdet, no Ray",
                      _INSTALL)  # fmt: skip
    for name, bound, extra in wanted:
        found = versions[name]
        if found is None and not (extra and len(lacking) == trains):
            yield problem(name, f"not installed; noisyseg needs {bound}", _mend(name, bound))
        elif found is not None and not _fits(found, bound):
            yield problem(name, f"{found} is installed; noisyseg needs {bound}", _mend(name, bound))
    good = [f"{name} {found}" for name, found in versions.items() if found is not None]
    yield ok("packages", ", ".join(good))


def clashes() -> Iterator[Finding]:
    """The original mmdet, mmcv or mmengine in the folders of the maintained releases."""
    conflicts = conflicting_distributions()
    if conflicts:
        text, _, mend = conflict_message(conflicts).partition(" Mend it with: ")
        yield problem("mmdet's stack", text, mend)


def versions_here() -> dict[str, str]:
    """Versions that must be the same on every node of a cluster, by name."""
    wanted = _wanted() or []
    found = {name: package_version(name) or "none" for name, _, extra in wanted if extra}
    numbers = ("numpy", "scipy", "opencv-python-headless", "pycocotools", "hotcoco")
    found |= {name: package_version(name) or "none" for name in numbers}
    return {"Python": platform.python_version(), **found}


def _wanted() -> list[tuple[str, str, bool]] | None:
    """Name and bound of each package, and whether training alone needs it; None if unknown."""
    from packaging.requirements import Requirement

    own = _metadata_of_noisyseg()
    if own is None:
        return None
    found = []
    for text in own.get_all("Requires-Dist") or []:
        one = Requirement(text)
        base = one.marker is None or one.marker.evaluate({"extra": ""})
        if base or (one.marker is not None and one.marker.evaluate({"extra": TRAIN})):
            found.append((one.name, str(one.specifier), not base))
    return found


def _metadata_of_noisyseg() -> metadata.PackageMetadata | None:
    try:
        return metadata.metadata("noisyseg")
    except metadata.PackageNotFoundError:
        return None


def _fits(version: str, bound: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(bound).contains(version, prereleases=True)


def _mend(name: str, bound: str) -> str:
    return f"pip install '{name}{bound}'"
