"""The suite that a bundle is held against, with the verifier's own data."""

from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.config.shipped import is_file, read_suite
from noisyseg.bench.config.suite import Choices, Suite, load_suite
from noisyseg.bench.datasets.preparation import CheckedData
from noisyseg.bench.runs.inputs import check
from noisyseg.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a bundle of a suite is held against.

    Attributes:
        suite: the verifier's own.
        data: the verifier's own, checked; None: without.
        has_weights: whether the weights that the suite's model starts from are there.
    """

    suite: Suite
    data: CheckedData | None
    has_weights: bool


def ground_for(
    source: str,
    variant: str | None,
    *,
    data_root: Path | None,
    cache: Path,
    masks: str | None = None,
    with_data: bool = True,
) -> Ground:
    """A suite and its data; nothing is written or downloaded.

    Args:
        source: a shipped suite's name, or a YAML file.
        variant: that a bundle names; one that the suite has not is left to the checks.
        data_root: where the suite's relative paths start.
        cache: folder of generated data.
        masks: VOC's mask source.
        with_data: whether the data are looked at.

    Raises:
        InputError: an unusable suite, or data that cannot be used.
    """
    variants = read_suite(source).get("variants")
    known = variant if isinstance(variants, dict) and variant in variants else None

    def loaded(*, random_weights: bool) -> Suite:
        choices = Choices(variant=known, masks=masks, random_weights=random_weights, download=False)
        return load_suite(source, data_root=data_root, cache=cache, choices=choices)

    try:
        suite, has_weights = loaded(random_weights=False), True
    except InputError:  # of weights that are not there, or of what the next line says again
        suite, has_weights = loaded(random_weights=True), False
    data = check(suite)[0] if with_data else None
    return Ground(suite=suite, data=data, has_weights=has_weights)


def shipped_name(name: str) -> str:
    """The name of a suite that a bundle says it is of: never a path.

    Raises:
        InputError: it could be a file's.
    """
    if is_file(name) or "/" in name or "\\" in name:
        raise InputError(
            f"the bundle says it is of the suite {name[:80]!r}, which is not one that comes with "
            "noisyseg: name the suite's file yourself (--suite FILE.yaml)."
        )
    return name
