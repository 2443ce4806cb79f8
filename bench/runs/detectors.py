"""The detectors of a suite's runs, before any is trained: whether they can be, and their size.

mmdet is brought up in here, which takes seconds; what it has to say itself is left out.
"""

import os
from pathlib import Path

from noisyseg.bench.config.model import Model
from noisyseg.bench.config.protocol import Protocol
from noisyseg.bench.datasets.image_files import check_image_files
from noisyseg.bench.datasets.preparation import CheckedData
from noisyseg.bench.runs.process_output import output_to
from noisyseg.bench.runs.run import Run


def check_images(run: Run, data: CheckedData) -> None:
    """Refuse images that do not fit their annotations: a suite's runs share them.

    Args:
        run: one of the suite's.
        data: the suite's.
    Raises:
        InputError: with what does not fit.
    """
    check_image_files(data.listed("train"), run.train_images)
    check_image_files(data.listed("eval"), run.eval_images)


def check_model(run: Run) -> None:
    """Refuse a detector that mmdet cannot build, and weights that do not fit it.

    A suite's runs share them, and a table needs none.

    Args:
        run: one of the suite's.
    Raises:
        InputError: with what does not fit.
    """
    load_mmdet()
    from noisyseg.bench.training.detector import check_detector

    model = run.spec["model"]
    with output_to(Path(os.devnull)):
        check_detector(
            model["detector"],
            name=model["name"],
            num_classes=len(run.spec["data"]["classes"]),
            weights=run.weights,
            averaged="average_last" in run.spec["protocol"],
        )


def checkpoint_size(model: Model, protocol: Protocol, num_classes: int) -> int:
    """Bytes of a run's checkpoint.

    Raises:
        InputError: a detector that mmdet cannot build, or whose weights cannot be averaged.
    """
    load_mmdet()
    from noisyseg.bench.training.detector import checkpoint_bytes

    with output_to(Path(os.devnull)):
        return checkpoint_bytes(
            model.detector,
            name=model.name,
            num_classes=num_classes,
            optimizer=protocol["optimizer"]["type"],
            averaged="average_last" in protocol,
        )


def load_mmdet() -> None:
    """Import what builds, trains and runs a detector; later calls do nothing."""
    # Imported here, as what needs it is: a command that builds no detector needs no torch.
    from noisyseg.bench.training.stack import load_stack

    load_stack()
