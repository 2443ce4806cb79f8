"""A run over several devices: who takes part in it, and what all but the first rank do."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from noisyseg.bench.datasets.split import Split
from noisyseg.bench.runs.allowed_ranks import check_ranks
from noisyseg.bench.runs.run import Resources, Run
from noisyseg.bench.runs.run_method import planned_method
from noisyseg.bench.runs.session import detections, prepared_training
from noisyseg.bench.training.loop import train
from noisyseg.bench.training.ranks import Ranks, joined


@contextmanager
def ranks_of(run: Run, resources: Resources) -> Iterator[Ranks]:
    """The processes that train the run, together until the block's end.

    Raises:
        InputError: the run cannot be trained by so many (see `check_ranks`).
        RankLostError: not all of them came.
    """
    check_ranks(resources.ranks, run.spec["protocol"], planned_method(run))
    with joined(
        rank=resources.rank,
        count=resources.ranks,
        meeting=resources.meeting,
        device=torch.device(resources.device),
    ) as ranks:
        yield ranks


def assist_run(run: Run, resources: Resources, ranks: Ranks) -> None:
    """Train and predict along with the first rank, which alone writes and reports."""
    training = prepared_training(run, resources, ranks)
    train(
        training,
        on_start=lambda epochs_done: None,
        on_epoch=lambda report: None,
        on_iteration=lambda epochs_done, loss: None,
    )
    split = Split(annotations=run.eval_annotations, images=run.eval_images)
    detections(run, training.detector, split, resources, ranks)
