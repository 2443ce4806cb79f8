"""What a bundle says of its suite, held against the installed one."""

from collections.abc import Sequence

from noisyseg.bench.leaderboard.checks.check import Check, differing, equal, held, named
from noisyseg.bench.leaderboard.checks.installed import Installed
from noisyseg.bench.leaderboard.contents import Contents, SuiteContents
from noisyseg.noise.spec import NoiseStep


def check_suite(contents: Contents, stated: SuiteContents, installed: Installed) -> list[Check]:
    """Hold suite.json, part by part, against the installed suite and the verifier's data."""
    suite, common = installed.suite, installed.common
    names = {"bundle.json": contents.suite, "suite.json": stated.name}
    wanted = dict.fromkeys(names, suite.name)
    versions = {name: common[name] for name in ("schema", "training", "eval")}
    written = {
        "schema": stated.versions.schema,
        "training": stated.versions.training,
        "eval": stated.versions.eval,
    }
    checks = [
        held("suite.name", f"the suite is {suite.name}", differing(names, wanted)),
        equal("suite.variant", "its variant is the installed one's", stated.variant, suite.variant),
        held(
            "suite.title", "its title is the installed one's", differing(stated.title, suite.title)
        ),
        held(
            "suite.data",
            "the data, their classes and checksums are the verifier's",
            differing(stated.data, dict(common["data"])),
        ),
        held(
            "suite.protocol",
            "the protocol is the suite's",
            differing(stated.protocol, dict(common["protocol"])),
        ),
        held(
            "suite.model",
            "the model is the suite's",
            differing(stated.model, dict(common["model"])),
        ),
        held("suite.noise", "every noise setting is the suite's", _noise(stated, installed)),
        held(
            "suite.versions",
            "training, evaluation and records are of this noisyseg's versions",
            differing(written, versions),
        ),
        held(
            "suite.settings",
            "every run's setting is one of the suite's",
            _settings(contents, stated, installed),
        ),
    ]
    return [*checks, *_unchecked(installed)]


def _noise(stated: SuiteContents, installed: Installed) -> str | None:
    known = {label: _resolved(steps) for label, steps in installed.settings.items()}
    return differing(stated.noise, {label: known.get(label) for label in stated.noise})


def _resolved(steps: Sequence[NoiseStep] | None) -> list[dict[str, object]] | None:
    return None if steps is None else [dict(step.resolved()) for step in steps]


def _settings(contents: Contents, stated: SuiteContents, installed: Installed) -> str | None:
    own = {run.noise for run in contents.runs}
    if other := sorted(own - {*installed.settings}):
        return f"not so: {named(other)}; it has {named(installed.settings)}"
    other = sorted(own ^ {*stated.noise})
    return f"the runs and suite.json have other settings: {named(other)}" if other else None


def _unchecked(installed: Installed) -> list[Check]:
    todo = []
    if installed.data is None:
        todo.append(("suite.data", "that the data's checksums are right: it needs the data"))
    if not installed.has_weights:
        todo.append(("suite.weights", "the weights that training starts from: they are not here"))
    return [Check(id=name, state="unchecked", what=what) for name, what in todo]
