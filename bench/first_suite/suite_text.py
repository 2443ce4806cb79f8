"""A proposal as a suite's file, each line with what it is for."""

import os
import shlex
from collections import defaultdict
from pathlib import Path
from typing import Any

from noisyseg.bench.first_suite.proposal import Part, Proposal
from noisyseg.bench.first_suite.training_plan import TrainingPlan
from noisyseg.bench.first_suite.yaml_text import path_scalar, quoted, scalar
from noisyseg.errors import InputError
from noisyseg.text_templates import filled

_FOLDER = Path(__file__).parent
_METHODS = 2
_BOTH_WAYS = (
    "Of two classes each can only become the other, as in symmetric noise; one way alone is "
    "another noise:"
)
_UNKNOWN = (
    "Neither super-categories nor names say which classes are taken for one another: name such "
    "pairs, and take the marks away."
)


def suite_text(proposal: Proposal, file: Path) -> str:
    """The suite's file.

    Args:
        proposal: that it says.
        file: where it will lie, from which its relative paths start.

    Raises:
        InputError: data at a place whose name no text can have.
    """
    return filled(_FOLDER / "suite.yaml.j2", **_content(proposal, file))


def settings_of(proposal: Proposal) -> int:
    """How many noise settings the suite has."""
    return 1 if len(proposal.classes) == 1 else 3 + bool(_pairs(proposal))


def runs_of(proposal: Proposal) -> int:
    """How many runs it has."""
    return _METHODS * settings_of(proposal) * 3


def _content(proposal: Proposal, file: Path) -> dict[str, Any]:
    plan, train, evaluation = proposal.plan, proposal.train.survey, proposal.eval.survey
    spared = proposal.spared
    return {
        "title": _title(proposal),
        "shown_title": quoted(_title(proposal)),
        "file": shlex.quote(file.name),
        "name": scalar(proposal.name),
        "protocol_name": scalar(f"{proposal.name}-{plan.device}"),
        "cells": _METHODS * settings_of(proposal),
        "settings": settings_of(proposal),
        "plan": {**_values(plan), "scale": list(plan.scale)},
        "minutes": None if plan.minutes is None else _minutes(plan.minutes),
        "used": plan.train_limit or len(train.images),
        "sides": f"{train.long_side} and {train.short_side}",
        "train": _part(proposal.train, file),
        "eval": _part(proposal.eval, file),
        "spared": None if spared is None else quoted(place_text(spared, file)),
        "held_out": proposal.held_out,
        "same": proposal.same,
        "classes": [
            {
                "name": scalar(name),
                "train": train.counts[name],
                "eval": evaluation.counts.get(name, 0),
            }
            for name in proposal.classes
        ],
        "left_out": _left_out(proposal),
        "pairs": [(scalar(one), scalar(other)) for one, other in _pairs(proposal)],
        "source": proposal.pairs.source,
        "no_pairs": _BOTH_WAYS if len(proposal.classes) == 2 else _UNKNOWN,
    }


def _pairs(proposal: Proposal) -> list[tuple[str, str]]:
    """Of two classes there is nothing to pair: it would be symmetric noise."""
    return proposal.pairs.pairs if len(proposal.classes) > 2 else []


def _values(plan: TrainingPlan) -> dict[str, Any]:
    return {name: getattr(plan, name) for name in plan.__slots__}


def _part(part: Part, file: Path) -> dict[str, Any]:
    return {
        "images": len(part.survey.images),
        "annotations": part.survey.annotations,
        "file": path_scalar(place_text(part.survey.path, file)),
        "folder": path_scalar(place_text(part.images, file)),
    }


def place_text(place: Path, file: Path) -> str:
    """A path as a suite's file names it: from its folder, or absolute if they share none."""
    base, end = os.path.realpath(file.parent), os.path.abspath(place)
    if any("\ud800" <= character <= "\udfff" for character in end + base):
        raise InputError(
            f"the name of {end!r} is not UTF-8, and a suite's file can only name what is: rename "
            "the folder or the file (convmv -f latin1 -t utf8)."
        )
    if os.path.commonpath((base, end)) == os.sep:
        return end
    relative = os.path.relpath(end, base)
    # Beside a file that is to be written its own folder is all that can be asked for.
    leads_there = os.path.realpath(os.path.join(base, relative)) == os.path.realpath(end)
    return relative if leads_there else end


def _left_out(proposal: Proposal) -> dict[str, str]:
    """Reason → the classes' names."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for name, reason in proposal.left_out.items():
        by_reason[reason].append(quoted(name))
    return {
        reason: ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
        for reason, names in by_reason.items()
    }


def _title(proposal: Proposal) -> str:
    count = len(proposal.classes)
    return f"{proposal.name}: {count} class{'es' * (count != 1)}, {_device(proposal.plan)}"


def _device(plan: TrainingPlan) -> str:
    return "a frozen MobileNetV2 on a CPU" if plan.device == "cpu" else "ResNet-50 on a GPU"


def _minutes(minutes: float) -> str:
    return f"{round(minutes)} minute{'s' * (round(minutes) != 1)}"
