"""Every figure of a suite: the registry that `figures` and `report` draw from.

A new figure is a function that draws it and an entry of `FIGURES`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Literal

from noisyseg.bench.reporting.loss_figures import MakePanels, of_panels
from noisyseg.bench.reporting.suite_figures import (
    class_losses_figure,
    methods_figure,
    noise_rate_figure,
    transitions_figure,
)
from noisyseg.bench.reporting.suite_results import Draw, Setting, SuiteResults
from noisyseg.results.figures.style import rendered
from noisyseg.results.figures.training_figures import (
    detector_figure,
    fates_figure,
    histogram_figure,
    sizes_figure,
)


@dataclass(frozen=True, slots=True)
class SuiteFigure:
    """An entry of the registry.

    Attributes:
        name: what its files' names begin with.
        caption: what it shows; the setting is added.
        per: there is a picture of the suite, of each noise setting, or of each box head in that.
        draw: makes one picture.
        trimmed: whether empty margins are cut off.
    """

    name: str
    caption: str
    per: Literal["suite", "noise", "head"]
    draw: Draw
    trimmed: bool = False


def _of_heads(
    name: str, caption: str, make: MakePanels, *, title: str = "", of_noise: bool = False
) -> SuiteFigure:
    """An entry whose pictures have a panel for each method; their title is the caption, too."""
    return SuiteFigure(name, caption, "head", of_panels(make, title or caption, of_noise=of_noise))


_REALISED = partial(transitions_figure, "realised")
_INTENDED = partial(transitions_figure, "intended")

FIGURES = (
    SuiteFigure("noise-rate", "Mask AP against the noise rate", "suite", noise_rate_figure),
    SuiteFigure(
        "methods-by-noise",
        "Mask AP of every method at every noise setting",
        "suite",
        methods_figure,
    ),
    SuiteFigure("class-losses", "What each class lost to the noise", "noise", class_losses_figure),
    SuiteFigure(
        "transitions-realised", "Transition matrix, realised", "noise", _REALISED, trimmed=True
    ),
    SuiteFigure(
        "transitions-intended", "Transition matrix, intended", "noise", _INTENDED, trimmed=True
    ),
    _of_heads(
        "loss-histograms",
        "Loss of right and of wrong labels in the last epoch",
        histogram_figure,
        title="Loss of right and of wrong labels, last epoch",
    ),
    _of_heads("set-sizes", "RoIs in the paper's sets", sizes_figure),
    _of_heads(
        "noisy-predicted-as", "What RoIs of wrong labels are taken for", fates_figure, of_noise=True
    ),
    _of_heads("pon-detector", "PON as a detector of wrong labels", detector_figure, of_noise=True),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A figure of one setting, drawn.

    Attributes:
        per: what there is such a picture of, as `SuiteFigure` says.
        noise: label of its noise setting; empty for the whole suite.
        name: of its files, without their ending.
        caption: what it shows.
        contents: format → bytes of the file.
    """

    per: Literal["suite", "noise", "head"]
    noise: str
    name: str
    caption: str
    contents: dict[str, bytes]


def pictures(results: SuiteResults, formats: Sequence[str]) -> Iterator[Picture]:
    """Every figure in every setting that it has something to show of.

    Args:
        results: what there is of the suite.
        formats: of the files, of `results.figures.style.FORMATS`.
    """
    for per, settings in _settings(results).items():
        for setting in settings:
            for entry in FIGURES:
                if entry.per != per:
                    continue
                draw = partial(entry.draw, results, setting)
                contents = rendered(draw, formats, trimmed=entry.trimmed)
                if contents:
                    yield Picture(
                        per=entry.per,
                        noise=setting.noise,
                        name="-".join(filter(None, (entry.name, setting.ending))),
                        caption=": ".join(filter(None, (entry.caption, setting.label))),
                        contents=contents,
                    )


def _settings(results: SuiteResults) -> dict[str, list[Setting]]:
    """What there is a picture of, in the order in which pictures come."""
    files = file_names(list(results.suite.noise))
    found: dict[str, list[Setting]] = {"suite": [], "noise": [], "head": []}
    if results.measured:
        found["suite"] = [Setting()]
        found["noise"] = [
            Setting(label=noise, ending=file, noise=noise) for noise, file in files.items()
        ]
    for noise in dict.fromkeys(entry.run.noise_label for entry in results.observed):
        heads = max(len(e.heads) for e in results.observed if e.run.noise_label == noise)
        for head in range(heads):
            label, ending = noise, files[noise]
            if heads > 1:
                label += f", stage {head + 1} of {heads}"
                ending += f"-stage{head + 1}"
            found["head"].append(Setting(label=label, ending=ending, noise=noise, head=head))
    return found


def file_names(labels: Sequence[str]) -> dict[str, str]:
    """A file name for each label; what labels may contain, file names may not."""
    names: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        name = re.sub(r"[^\w.+-]+", "_", label).strip("._") or "noise"
        taken = {used.casefold() for used in names.values()}
        free = (name if number == 1 else f"{name}-{number}" for number in count(1))
        names[label] = next(name for name in free if name.casefold() not in taken)
    return names
