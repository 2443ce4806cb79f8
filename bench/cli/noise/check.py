"""`noisyseg noise check`: the contract of a type of noise, tried before any file is made."""

import argparse
import json
import sys
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass

from noisyseg.bench.cli.arguments import add_json
from noisyseg.bench.cli.checks import print_checks, status_of
from noisyseg.bench.cli.noise.arguments import add_settings, settings
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.noise.contract.verdict import check_contract
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.own_types import installed_names, installed_type
from noisyseg.noise.types.registry import NOISE_TYPES, add_type_file, noise_type

EXAMPLE = "noisyseg noise check my_noise.py:MY_NOISE"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for."""

    noise: str
    set: list[str]
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("noise", metavar="NAME|PATH.py:NAME")
    add_settings(parser, "a parameter to try it with")
    add_json(parser)


def run(options: Options) -> int:
    """Try a type of noise on a small document, and say what it breaks and why.

    Raises:
        InputError: there is no such type, it cannot be loaded, or a parameter lacks a value.
    """
    with redirect_stdout(sys.stderr):  # what the type prints is no answer of the command
        kind = _named(options.noise)
        checks = check_contract(kind, settings(options.set))
    status = status_of(checks)
    if options.json:
        origin = {} if kind.origin is None else asdict(kind.origin)
        document = {
            "name": kind.name,
            "version": kind.version,
            **origin,
            "passed": status == DONE,
            "checks": [asdict(check) for check in checks],
        }
        print_text(json.dumps(document, indent=2))
    else:
        untried = "" if checks[0].passed else "the others were not tried, for there is no noise"
        print_checks(kind.name, checks, untried)
    return status


def _named(text: str) -> NoiseType:
    """The type that a command line names."""
    if ".py:" in text:
        return add_type_file(text)
    if text in NOISE_TYPES and text in installed_names():
        installed_type(text, taken=True)  # whoever installed it must hear that it is not used
    return noise_type(text)
