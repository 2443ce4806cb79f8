"""Which trackers are told of runs."""

from pathlib import Path

from noisyseg.bench.tracking.follower import Follower


def followers(tensorboard: Path | None, mlflow: str | None) -> list[Follower]:
    """The trackers that were asked for; their packages are imported here, and theirs alone.

    Args:
        tensorboard: a folder for its files; None: not asked for.
        mlflow: the address of its store; None: not asked for.
    Raises:
        InputError: a package that is absent, a folder or an address that cannot be used.
    """
    found: list[Follower] = []
    if tensorboard is not None:
        from noisyseg.bench.tracking.tensorboard_follower import TensorBoardFollower

        found.append(TensorBoardFollower(tensorboard))
    if mlflow is not None:
        from noisyseg.bench.tracking.mlflow_follower import MlflowFollower

        found.append(MlflowFollower(mlflow))
    return found
