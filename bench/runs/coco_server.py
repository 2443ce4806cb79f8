"""COCO's test-dev: images whose annotations only COCO's evaluation server has."""

from collections.abc import Sequence
from dataclasses import replace

from noisyseg.bench.datasets.ready import Ready
from noisyseg.bench.datasets.split import Split
from noisyseg.bench.runs.run import Run
from noisyseg.errors import InputError


def test_images(suite: str, source: Ready) -> Split:
    """Where the test-dev images of a suite's data lie.

    Raises:
        InputError: the suite's data have none, or they are not there.
    """
    if source.test is None:
        raise InputError(f"--test-dev is for COCO 2017; {suite} uses {source.name}.")
    for path, archive in (
        (source.test.annotations, "image_info_test2017.zip"),
        (source.test.images, "test2017.zip"),
    ):
        if not path.exists():
            raise InputError(f"--test-dev needs {path}, which comes in {archive}; it is not there.")
    return source.test


def with_submissions(runs: Sequence[Run], images: Split) -> list[Run]:
    """The same runs, each to leave a file for the server; keys do not change."""
    return [replace(run, submission=images) for run in runs]
