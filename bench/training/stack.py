"""Brings up mmdet, mmcv and mmengine, once a process, without a word on standard output."""

import contextlib
import io
import warnings
from functools import cache

from noisyseg.bench.training import mmcv_operators
from noisyseg.bench.training.distributions import conflict_message, conflicting_distributions
from noisyseg.errors import InputError
from noisyseg.training_extra import is_missing


@cache
def load_stack() -> None:
    """Import the mmdet stack and register its modules; later calls do nothing.

    Raises:
        InputError: the original mmdet, mmcv or mmengine is installed beside the maintained
            releases (they share folders), or the stack cannot be imported.
    """
    conflicts = conflicting_distributions()
    if conflicts:
        raise InputError(conflict_message(conflicts))
    # The stack prints at import ("Could not import OneDL") and warns of its own deprecations.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _import_stack()


def _import_stack() -> None:
    try:
        mmcv_operators.install()
        import mmdet.datasets
        import mmdet.models  # noqa: F401
    except ImportError as error:
        if is_missing(error):
            raise
        hint = ""
        if "libGL" in str(error) or "libgthread" in str(error):
            hint = (
                " This OpenCV has a window system that a server lacks. Mend it with: pip install "
                "--force-reinstall --no-deps 'opencv-python-headless<4.13' (make does it)."
            )
        raise InputError(f"cannot import the mmdet stack: {error}.{hint}") from error
