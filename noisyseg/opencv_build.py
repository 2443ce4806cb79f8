"""Which build of OpenCV is imported: of two that share a folder, one needs a window system.

mmcv asks for `opencv-python`, noisyseg for `opencv-python-headless`; both install `cv2/`, and pip
writes the one that needs libGL last, which a server or a container lacks.
"""

MEND = "pip install --force-reinstall --no-deps 'opencv-python-headless>=4.12,<4.13'"
"""Writes the other build again; below 4.13 by what mmdet needs."""

_OF_A_WINDOW_SYSTEM = (
    "libGL",
    "libgthread",
    "libglib",
    "libSM.",
    "libXext",
    "libXrender",
    "libxcb",
)


def wants_window_system(error: ImportError) -> bool:
    """Whether an import failed because OpenCV's build for windows is there, and no windows are."""
    return any(library in str(error) for library in _OF_A_WINDOW_SYSTEM)


def what_to_do(error: ImportError) -> str:
    """One paragraph for such an error: what is wrong, and the one command that mends it."""
    return (
        f"OpenCV cannot be imported: {error}. pip installed its build for window systems over the "
        f"headless one, because mmcv asks for it. Mend it with: {MEND}"
    )
