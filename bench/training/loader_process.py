"""A data loader's processes."""

import cv2

# Whatever the start method of the process that trains: a spawned one would hand its own on, and
# theirs would import mmdet and read the data set's index each for themselves.
_START = "fork"


def start_method(workers: int) -> str | None:
    """How PyTorch's data loader is to start so many processes."""
    return _START if workers else None


def alone_on_its_core(_worker: int) -> None:
    """OpenCV in a process of the loader starts no threads: its neighbours have the other cores."""
    cv2.setNumThreads(0)
