"""Verifies what a pull request adds to `results/published/entries/`, with this checkout's noisyseg.

    python tools/verify_submission.py REPOSITORY --base REV --published FOLDER --out FOLDER

What was submitted is read as git objects of REPOSITORY's HEAD: no file of it is laid into a work
tree, followed as a link, imported or run. OUT gets `verdicts.json`, which says all, and
`published/`, a copy of FOLDER with what was accepted; the entries in it are made anew. Status: 0
accepted, as far as that can be checked here; 1 not.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from submitted_files import file_problems

ENTRIES = "results/published/entries/"
FILES = ("bundle.zip", "entry.json", "verdict.json")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,150}")
_PLAIN = "100644"
_SECONDS = 1800  # of one bundle; a suite that ships takes seconds
_LONGEST = 4000  # characters kept of what a command said


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A file that differs from the base: its mode and blob in HEAD, its status (A, M, D, T)."""

    mode: str
    blob: str
    status: str
    path: str


@dataclass(kw_only=True, slots=True)
class Entry:
    """What became of one entry; `problems` are found beside the verdict, in sentences."""

    entry: str
    outcome: str = "untried"  # accepted, accepted-without-data, refused, untried
    problems: list[str] = field(default_factory=list)
    verdict: dict[str, Any] | None = None

    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return self.outcome.startswith("accepted") and not self.problems


def changes(repository: Path, base: str) -> list[Change]:
    """The files that HEAD has otherwise than `base`, in git's order; renames are a D and an A."""
    listed = _git(repository, "diff", "--raw", "-z", "--no-renames", "--no-abbrev", base, "HEAD")
    parts = listed.decode("utf-8", "backslashreplace").split("\0")
    pairs = zip(parts[:-1:2], parts[1::2], strict=True)
    return [_change(about.split(), path) for about, path in pairs]


def sorted_by_entry(found: Sequence[Change]) -> tuple[dict[str, dict[str, Change]], list[str]]:
    """The new files of every entry by name, and what is wrong with the others, in sentences.

    Changes outside of the entries are no matter of this program.
    """
    entries: dict[str, dict[str, Change]] = {}
    problems = []
    for change in found:
        if not change.path.startswith(ENTRIES):
            continue
        problem = _problem(change)
        if problem:
            problems.append(f"{change.path} {problem}")
        else:
            name, file = change.path.removeprefix(ENTRIES).split("/")
            entries.setdefault(name, {})[file] = change
    return entries, problems


def verified(repository: Path, name: str, files: dict[str, Change], *, setup: "Setup") -> Entry:
    """One entry's bundle verified, and its other files held against what verification makes."""
    entry = Entry(entry=name)
    if "bundle.zip" not in files:
        entry.problems.append("has no bundle.zip, without which nothing can be verified.")
        return entry
    folder = setup.out / "submitted" / name
    folder.mkdir(parents=True)
    for file, change in files.items():
        (folder / file).write_bytes(_git(repository, "cat-file", "blob", change.blob))
    _try(entry, folder / "bundle.zip", setup)
    if entry.outcome == "accepted":
        entry.problems += file_problems(setup.published / "entries" / name, folder)
    return entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Setup:
    """Which noisyseg verifies, against which published folder, and where to."""

    command: Path
    against: Path
    out: Path

    @property
    def published(self) -> Path:
        """The copy of the published folder that accepted entries are written to."""
        return self.out / "published"


def _try(entry: Entry, bundle: Path, setup: Setup) -> None:
    """With the data, or, where this machine hasn't them, without."""
    status, verdict, said = _verdict(bundle, setup, "--publish", str(setup.published))
    without = status == 2
    if without:
        status, verdict, again = _verdict(bundle, setup, "--without-data")
        said = said if status == 0 else again
    entry.verdict = verdict
    if status == 0 and verdict:
        entry.outcome = "accepted-without-data" if without else "accepted"
    elif status == 1 and verdict:
        entry.outcome = "refused"
    else:
        entry.problems.append(f"could not be tried: {said or f'status {status}, nothing said'}")


def _verdict(bundle: Path, setup: Setup, *more: str) -> tuple[int, dict[str, Any] | None, str]:
    """Status, verdict (None if there is none) and what was said beside it."""
    told = ["leaderboard", "verify", str(bundle), "--against", str(setup.against), "--json", *more]
    try:
        done = subprocess.run([str(setup.command), *told], capture_output=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return 2, None, f"verification took more than {_SECONDS} seconds."
    said = done.stderr.decode("utf-8", "backslashreplace").strip()[-_LONGEST:]
    try:
        verdict = json.loads(done.stdout)
    except ValueError:
        return done.returncode, None, said
    return done.returncode, verdict if isinstance(verdict, dict) else None, said


def _problem(change: Change) -> str:
    """Why a change below the entries is not a new entry's file; empty if it is one."""
    if change.status == "D":
        return "is removed: entries are permanent."
    if change.status != "A":
        return "is changed: entries are permanent; another bundle is another entry."
    if change.mode != _PLAIN:
        return f"is no plain file (git's mode {change.mode}, wanted {_PLAIN})."
    name, _, file = change.path.removeprefix(ENTRIES).partition("/")
    if not _ID.fullmatch(name) or file not in FILES:
        return f"is no file of an entry: wanted {ENTRIES}ID/ and {', '.join(FILES)}."
    return ""


def _change(about: list[str], path: str) -> Change:
    _, mode, _, blob, status = about
    return Change(mode=mode, blob=blob, status=status[0], path=path)


def _git(repository: Path, *words: str) -> bytes:
    return subprocess.run(
        ["git", "-C", str(repository), *words], check=True, stdout=subprocess.PIPE
    ).stdout


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Verify the entries that a pull request adds.")
    parser.add_argument("repository", type=Path, help="a clone whose HEAD has the submission")
    parser.add_argument("--base", required=True, help="the revision that it is compared with")
    parser.add_argument("--published", required=True, type=Path, help="what is published already")
    parser.add_argument("--out", required=True, type=Path, help="a folder that is not there yet")
    beside = Path(sys.executable).with_name("noisyseg")
    parser.add_argument("--noisyseg", type=Path, default=beside, help="the command (%(default)s)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Verify all of them; 1 if anything speaks against one."""
    asked = _arguments(argv)
    setup = Setup(command=asked.noisyseg, against=asked.published, out=asked.out)
    shutil.copytree(setup.against, setup.published)
    entries, problems = sorted_by_entry(changes(asked.repository, asked.base))
    done = [
        verified(asked.repository, name, files, setup=setup)
        for name, files in sorted(entries.items())
    ]
    document = {"format": 1, "entries": [_listed(entry) for entry in done], "problems": problems}
    text = json.dumps(document, indent=1) + "\n"
    (setup.out / "verdicts.json").write_text(text, encoding="ascii")
    for entry in done:
        sys.stdout.write(ascii(f"{entry.entry}: {entry.outcome} {' '.join(entry.problems)}") + "\n")
    for problem in problems:
        sys.stdout.write(ascii(problem) + "\n")
    return int(bool(problems) or not all(entry.holds() for entry in done))


def _listed(entry: Entry) -> dict[str, Any]:
    return {
        "entry": entry.entry,
        "outcome": entry.outcome,
        "problems": entry.problems,
        "verdict": entry.verdict,
    }


if __name__ == "__main__":
    sys.exit(main())
