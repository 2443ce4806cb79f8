"""A noisyseg method as mmdet asks for a class loss: weights, divisor and reduction are here.

N RoIs, K object classes; mmdet and noisyseg both put background at index K.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from noisyseg.bench.training.loss_at_work import LossAtWork
from noisyseg.methods.context import ANNOTATION_IDS, NOISE_MATRIX, LossContext
from noisyseg.methods.method import ResolvedMethod


class MethodError(RuntimeError):
    """A method raised an error, or gave something that is no loss per RoI."""


class MethodLoss(nn.Module):
    """Weights, divisor and reduction for every method, as mmdet's cross entropy has them.

    Attributes:
        name: the method's.
        stage_end: the number of epochs after which the method's loss is another, if it tells.
        check: the command that tells more of what is wrong with it.
        method: it, with its state.
        at_work: sees every loss of the training and changes none; None leaves it out.
        besides: by threshold, others that see them, for logs of runs that share this training.
        epoch: 0-based, set by the training loop.
        within_epoch: share of the epoch's iterations already done, set before each.
        gt_annotation_ids: of the batch's objects, an image a tensor; set before each pass.
        annotation_ids: of the batch's RoIs, set by the box head just before its loss.
    """

    # What BBoxHead asks of a class loss: plain softmax scores, no accuracy of its own.
    custom_cls_channels = False
    custom_activation = False
    custom_accuracy = False

    def __init__(
        self,
        method: ResolvedMethod,
        *,
        num_classes: int,
        num_epochs: int,
        noise_matrix: Tensor | None = None,
        at_work: LossAtWork | None = None,
    ) -> None:
        super().__init__()
        self.name = method.name
        self.check = f"noisyseg methods check {method.method.called}"
        self.method = method.start()
        self.stage_end = method.first_stage_end(num_epochs)
        self.num_classes = num_classes
        self.num_epochs = num_epochs
        self.noise_matrix = noise_matrix
        self.at_work = at_work
        self.besides: dict[float, LossAtWork] = {}
        self.epoch = 0
        self.within_epoch = 0.0
        self.gt_annotation_ids: Sequence[Tensor] | None = None
        self.annotation_ids: Tensor | None = None
        self._last: tuple[Tensor, Tensor] | None = None

    def start_epoch(self, epoch: int) -> None:
        """Tell the method that an epoch (0-based) begins."""
        self.epoch = epoch
        self.within_epoch = 0.0
        with self._named():
            self.method.start_epoch(epoch)

    @property
    def observers(self) -> list[LossAtWork]:
        """All that see the losses."""
        others = [self.besides[threshold] for threshold in sorted(self.besides)]
        return others if self.at_work is None else [self.at_work, *others]

    def merge(
        self, before: Mapping[str, Any], states: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Let the method go on from one state of several ranks'; returns it.

        Args:
            before: the state that all ranks set out from.
            states: what each has come to, in their order.
        """
        with self._named():
            merged = self.method.merged_state(before, states)
            self.method.load_state_dict(deepcopy(merged))
        return merged

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
        **_: Any,
    ) -> Tensor:
        """Σ weight·loss / avg_factor.

        Args:
            cls_score: logits, shape (N, K+1).
            label: shape (N,).
            weight: per RoI, shape (N,); ones when None.
            avg_factor: divisor; mmdet passes the number of RoIs with weight > 0. N when None.
            reduction_override: "none" gives the weighted losses, shape (N,); "sum" their sum.
        Raises:
            MethodError: the method failed, gave no loss per RoI, or lacks what it needs.
        """
        weights = torch.ones_like(label, dtype=cls_score.dtype) if weight is None else weight
        context = self._context(weights, len(label))
        # Layers may be in bfloat16; what a method computes of their logits never is.
        with self._named(), torch.autocast(cls_score.device.type, enabled=False):
            losses = self.method.loss(cls_score, label, context)
        self._check(losses, cls_score)
        self._last = cls_score.detach(), losses.detach()
        for observer in self.observers:
            observer.observe(
                cls_score.detach(), label, losses.detach(), weights, context.annotation_ids
            )
        losses = losses * weights
        if reduction_override == "none":
            return losses
        if reduction_override == "sum":
            return losses.sum()
        return losses.sum() / (max(len(label), 1) if avg_factor is None else avg_factor)

    @property
    def gave_nonfinite(self) -> bool:
        """Whether the last pass's losses were NaN or infinite while its logits were not."""
        if self._last is None:
            return False
        logits, losses = self._last
        return bool(logits.isfinite().all() and not losses.isfinite().all())

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Say of an error in the method's code that it is the method's."""
        try:
            yield
        except (Exception, SystemExit) as error:  # a stranger's code may raise anything, or exit
            raise MethodError(
                f"method {self.name!r} raised {type(error).__name__}: {error}. `{self.check}` "
                "tells more."
            ) from error

    def _context(self, weights: Tensor, count: int) -> LossContext:
        ids, self.annotation_ids = self.annotation_ids, None  # a batch's, never the next one's
        if ids is not None and len(ids) != count:
            ids = None  # of other RoIs than these: a head that leaves some out, or adds some
        needed = self.method.needs
        if ANNOTATION_IDS in needed and ids is None:
            raise MethodError(
                f"method {self.name!r} needs the annotation of each RoI, and for {count} RoIs the "
                "box head gave none. Take a model whose box head makes targets as mmdet's BBoxHead "
                "does, or a method without that need."
            )
        return LossContext(
            num_classes=self.num_classes,
            epoch=self.epoch,
            within_epoch=self.within_epoch,
            num_epochs=self.num_epochs,
            weights=weights,
            annotation_ids=ids,
            noise_matrix=self.noise_matrix if NOISE_MATRIX in needed else None,
        )

    def _check(self, losses: Any, logits: Tensor) -> None:
        wanted = f"wanted a tensor of shape ({len(logits)},), one loss per RoI"
        if not isinstance(losses, Tensor):
            found = f"a {type(losses).__name__}"
        elif losses.shape != logits.shape[:1]:
            found = f"a tensor of shape {tuple(losses.shape)}"
        elif not losses.is_floating_point():
            found = f"a tensor of {losses.dtype}"
        elif logits.requires_grad and not losses.requires_grad:
            found = "a tensor without gradient"
            wanted = "wanted losses computed from the logits, not detached from them"
        else:
            return
        raise MethodError(
            f"method {self.name!r} gave {found}; {wanted}. `{self.check}` tells more."
        )
