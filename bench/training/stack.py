"""Brings up mmdet, mmcv and mmengine, once a process, without a word on standard output."""

import contextlib
import io
import warnings
from functools import cache

from noisyseg.bench.training import mmcv_operators
from noisyseg.bench.training.distributions import conflict_message, conflicting_distributions
from noisyseg.errors import InputError
from noisyseg.opencv_build import wants_window_system, what_to_do
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
        if wants_window_system(error):
            raise InputError(what_to_do(error)) from error
        raise InputError(f"cannot import the mmdet stack: {error}.") from error
