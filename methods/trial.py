"""A method's loss of one RoI, tried so that its own checks of its parameters speak."""

import torch

from noisyseg.errors import InputError
from noisyseg.methods.context import LossContext
from noisyseg.methods.method import ResolvedMethod


def try_ranges(resolved: ResolvedMethod, place: str) -> None:
    """Build the method and let it compute the loss of one RoI.

    Args:
        resolved: with the parameters to try.
        place: what stands before messages; empty, or with ": " at its end.

    Raises:
        InputError: a parameter out of its range, or anyone's own method that cannot be built.
    """
    ctx = LossContext(
        num_classes=2,
        epoch=0,
        num_epochs=1,
        weights=torch.ones(1),
        annotation_ids=torch.zeros(1, dtype=torch.long),
        noise_matrix=torch.eye(2),
    )
    own = resolved.method.file_sha256 is not None
    try:
        method = resolved.start()
    except ValueError as error:
        raise InputError(f"{place}method {resolved.name!r}: {error}.") from error
    except Exception as error:  # a stranger's code may raise anything
        if not own:
            raise
        raise InputError(
            f"{place}method {resolved.name!r} of {resolved.method.origin} cannot be built: "
            f"{type(error).__name__}: {error}."
        ) from error
    try:
        method.loss(torch.zeros(1, 3), torch.zeros(1, dtype=torch.long), ctx)
    except ValueError as error:
        raise InputError(f"{place}method {resolved.name!r}: {error}.") from error
    except Exception:  # its runs, or `methods check`, tell what it raised
        if not own:
            raise
