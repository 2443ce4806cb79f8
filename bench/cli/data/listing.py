"""`data list`: which data sets are ready, which are there but not prepared, what others want."""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from noisyseg.bench.cli.arguments import add_json
from noisyseg.bench.cli.command_parser import wrapped_command
from noisyseg.bench.cli.data.named import add_root
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.bench.datasets.cache import cache_folder
from noisyseg.bench.datasets.data_format import DataOptions, Format
from noisyseg.bench.datasets.formats.registry import named_formats
from noisyseg.bench.datasets.named_data import named_data, root_of
from noisyseg.errors import InputError
from noisyseg.text_lines import COLUMNS, wrapped

EXAMPLE = "noisyseg data list --root ~/data"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the command line says.

    Attributes:
        root: holds the data sets; None: the current folder, the cache for built-in ones.
    """

    root: Path | None
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `Options`."""
    add_root(parser)
    add_json(parser)


def run(options: Options) -> int:
    """Say of each data set whether it is ready, and what it wants."""
    rows = [row for known in named_formats() for row in _rows(known, options.root)]
    if options.json:
        print_text(json.dumps(rows, indent=2))
        return DONE
    for row in rows:
        print_text("\n".join(_lines(row)))
    return DONE


def _rows(known: Format, root: Path | None) -> Iterator[dict[str, str]]:
    """A data set; a row for each of its sources of masks."""
    for masks in known.masks or (None,):
        yield _row(known, root, masks)


def _row(known: Format, root: Path | None, masks: str | None) -> dict[str, str]:
    name = known.name if masks is None else f"{known.name}-{masks}"
    option = "" if masks is None else f" --masks {masks}"
    rest = f"{known.name} --root {quote(str(root_of(known, root)))}{option}"
    try:
        data = named_data(known, root, DataOptions(cache=cache_folder(), masks=masks))
    except InputError as error:
        can_be_got = known.archives or known.by_hand
        command = f"noisyseg data download {rest}" if can_be_got else ""
        return _told(name, "not there", str(error), command)
    ready = data.find()
    if ready is not None:
        return _told(ready.name, "ready", ready.counts_text() or str(data.folder))
    if known.built_in:
        return _told(name, "not prepared", "built in: a run makes it")
    return _told(name, "not prepared", str(data.folder), f"noisyseg data prepare {rest}")


def _told(name: str, state: str, detail: str, command: str = "") -> dict[str, str]:
    return {"name": name, "state": state, "detail": detail, "command": command}


def _lines(row: Mapping[str, str]) -> list[str]:
    """A row as text: the state, and below what is wanted and the command that does it."""
    inner = "    "
    head = f"{row['name']:19}  {row['state']}"
    beside = f"{head:33}  {row['detail']}"
    lines = [beside] if len(beside) <= COLUMNS else [head, *wrapped(row["detail"], indent=inner)]
    if row["command"]:
        command = wrapped_command(row["command"], COLUMNS - len(inner))
        lines += [f"{inner}{line}" for line in command.splitlines()]
    return lines
