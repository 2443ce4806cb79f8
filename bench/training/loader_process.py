"""A data loader's process."""

import cv2


def alone_on_its_core(_worker: int) -> None:
    """OpenCV in a process of the loader starts no threads: its neighbours have the other cores."""
    cv2.setNumThreads(0)
