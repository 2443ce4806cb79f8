"""The annotation files of runs on a node that does not see the store: each is there once.

They are sent, but for a noisy file that is large even when compressed: that one is made again from
the clean one, as `run` made it, and must come to the same bytes.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from noisyseg.annotation_files.annotation_index import write_index
from noisyseg.bench.cluster.home_files import FileFacts, HomeFiles
from noisyseg.bench.cluster.mirror import fetch
from noisyseg.bench.cluster.node_folder import alone_with
from noisyseg.bench.runs.noise_again import clean_file, make_again, noise_from
from noisyseg.bench.runs.run import Run
from noisyseg.errors import InputError
from noisyseg.files import sha256_file

LARGEST_SENT = 64 << 20  # bytes of a noisy file, compressed


def with_own_annotations(run: Run, files: HomeFiles, folder: Path) -> Run:
    """The run with annotation files of this machine.

    Args:
        run: with the home's.
        files: the home's.
        folder: of this machine's annotation files; other workers' runs may use it, too.
    Raises:
        InputError: a file that the home lacks, or noise that comes to other bytes here.
    """
    if run.manifest is None:
        train, manifest = _sent(files, run.train_annotations, folder), None
    else:
        train = _noisy_file(run, files, folder)
        manifest = _sent(files, run.manifest, folder)
    submission = run.submission
    if submission is not None:
        submission = replace(submission, annotations=_sent(files, submission.annotations, folder))
    return replace(
        run,
        train_annotations=train,
        eval_annotations=_sent(files, run.eval_annotations, folder),
        manifest=manifest,
        submission=submission,
    )


def _sent(files: HomeFiles, path: Path, folder: Path) -> Path:
    """A file of the home's, in this machine's folder, whatever its size."""

    def make(place: Path, facts: FileFacts) -> None:
        fetch(files, str(path), place)

    return _made_once(files, path, folder, make)


def _noisy_file(run: Run, files: HomeFiles, folder: Path) -> Path:
    def make(place: Path, facts: FileFacts) -> None:
        clean, noise = clean_file(run), None
        if not files.fits(str(run.train_annotations), LARGEST_SENT):
            found = files.facts(str(clean))
            noise = None if found is None else noise_from(run, found.sha256)
        if noise is None:
            fetch(files, str(run.train_annotations), place)
        else:
            make_again(noise, _sent(files, clean, folder), place, facts.sha256)

    return _made_once(files, run.train_annotations, folder, make)


def _made_once(
    files: HomeFiles, path: Path, folder: Path, make: Callable[[Path, FileFacts], None]
) -> Path:
    """The place of a file with the content of one of the home's, made if it is not there."""
    facts = files.facts(str(path))
    if facts is None:
        raise InputError(f"{path} is gone from the store: call `noisyseg run` again.")
    place = folder / facts.sha256[:16] / path.name
    place.parent.mkdir(parents=True, exist_ok=True)
    with alone_with(place.parent / f".{place.name}.lock"):
        if not place.is_file() or sha256_file(place) != facts.sha256:
            make(place, facts)
        if path.name != "manifest.json":
            write_index(place)
    return place
