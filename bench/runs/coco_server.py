"""COCO's test-dev: images whose annotations only COCO's evaluation server has."""

from collections.abc import Sequence
from dataclasses import replace

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.datasets.source import load_source
from noisyseg.bench.datasets.split import Split
from noisyseg.bench.runs.run import Run
from noisyseg.errors import InputError


def test_images(suite: Suite) -> Split:
    """Where a suite's test-dev images lie.

    Raises:
        InputError: the suite's data have none, or they are not there.
    """
    source = load_source(suite.data, root=suite.data_root, options=suite.data_options)
    if source.test is None:
        raise InputError(f"--test-dev is for COCO 2017; {suite.name} uses {source.name}.")
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
