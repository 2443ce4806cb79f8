"""LNCIS's switches: the rows of the paper's ablation (table 4), for each kind of sample."""

import math

import pytest
import torch

from noisyseg.methods.context import LossContext
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.losses.lncis import lncis, separated_losses

LOGITS = torch.randn(6, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 3, 0, 1])
E5 = 1e5  # log(1e5) = 11.5 nats: well above gamma = 6


def context(epoch, num_epochs, count=6):
    return LossContext(
        num_classes=3,
        epoch=epoch,
        num_epochs=num_epochs,
        weights=torch.ones(count),
        annotation_ids=None,
    )


OFF = {"negatives": False, "pseudo_negatives": False, "isolate": False}
RCE = {  # of each kind of sample: its odds, its label, and A * (p_y - 1)
    "N": ([E5, 1, 1], 2, 4 * (1 - 1 / (E5 + 2))),
    "PSN": ([1, 1, 2], 0, 4 * (1 - 1 / 4)),
    "PSN and PON": ([1, 1, E5], 0, 4 * (1 - 1 / (E5 + 2))),
    "PON": ([1, E5, 1], 0, 4 * (1 - 1 / (E5 + 2))),
    "other": ([2, 1, 1], 0, 4 * (1 - 1 / 2)),
}
GIVEN_BACK = {
    "negatives": {"N": math.log(E5 + 2)},
    "pseudo_negatives": {"PSN": math.log(4), "PSN and PON": math.log(E5 + 2)},
    "isolate": {"PON": 0.0},
}


@pytest.mark.parametrize("on", [(), *((name,) for name in OFF), tuple(OFF)], ids=repr)
@pytest.mark.parametrize("kind", RCE)
def test_a_component_of_the_ablation_changes_its_own_samples_alone(kind, on):
    """Table 4's N, PSN and PON; with all of them off, every sample has reverse cross entropy."""
    odds, label, expected = RCE[kind]
    for name in on:
        expected = GIVEN_BACK[name].get(kind, expected)
    logits = torch.tensor([odds], dtype=torch.float64).log()
    loss = separated_losses(logits, torch.tensor([label]), **(OFF | dict.fromkeys(on, True)))
    assert loss.item() == pytest.approx(expected)


def test_without_stages_the_separated_losses_begin_at_once_with_every_switch():
    for switches in ({}, OFF):
        loss = lncis(LOGITS, LABELS, context(0, 12), stage_wise=False, **switches)
        assert torch.equal(loss, separated_losses(LOGITS, LABELS, **switches))
    assert torch.equal(
        lncis(LOGITS, LABELS, context(0, 12), stage_wise=True, **OFF),
        cross_entropy(LOGITS, LABELS),
    )


def test_each_kinds_gradient_is_its_own_equation():
    """Eq. 8 on N and PSN, nothing on isolated ones, eq. 7 on the rest."""
    odds = torch.tensor([kind[0] for kind in RCE.values()], dtype=torch.float64)
    labels = torch.tensor([kind[1] for kind in RCE.values()])
    logits = odds.log().requires_grad_()
    (gradient,) = torch.autograd.grad(separated_losses(logits, labels).sum(), logits)
    p = odds / odds.sum(dim=1, keepdim=True)
    eq_8 = p - torch.eye(3, dtype=torch.float64)[labels]
    eq_7 = 4.0 * p.gather(1, labels.unsqueeze(1)) * eq_8
    expected = {"N": eq_8, "PSN": eq_8, "PSN and PON": eq_8, "PON": 0.0 * eq_8, "other": eq_7}
    for row, kind in enumerate(RCE):
        torch.testing.assert_close(gradient[row], expected[kind][row])


# Table 4's rows: what is on, and the loss of N, PSN, PSN and PON, PON, and others in the second
# stage: C cross entropy, R reverse cross entropy, 0 isolated.
TABLE_4 = {
    "st": ({"stage_wise"}, "RRRRR"),
    "n_psn": ({"negatives", "pseudo_negatives"}, "CCCRR"),
    "n_psn_pon": ({"negatives", "pseudo_negatives", "isolate"}, "CCC0R"),
    "st_n": ({"stage_wise", "negatives"}, "CRRRR"),
    "st_n_psn": ({"stage_wise", "negatives", "pseudo_negatives"}, "CCCRR"),
    "st_n_psn_pon": ({"stage_wise", "negatives", "pseudo_negatives", "isolate"}, "CCC0R"),
}


@pytest.mark.parametrize("row", TABLE_4)
@pytest.mark.parametrize("epoch", [5, 6], ids=["sixth epoch", "seventh epoch"])
def test_the_rows_of_table_4(row, epoch):
    on, kinds = TABLE_4[row]
    odds = torch.tensor([kind[0] for kind in RCE.values()], dtype=torch.float64)
    labels = torch.tensor([kind[1] for kind in RCE.values()])
    own = odds.gather(1, labels.unsqueeze(1)).squeeze(1) / odds.sum(dim=1)
    values = {"C": -own.log(), "R": 4 * (1 - own), "0": torch.zeros(5, dtype=torch.float64)}
    first_stage = epoch == 5 and "stage_wise" in on
    expected = [values[k][i].item() for i, k in enumerate("CCCCC" if first_stage else kinds)]
    switches = {name: name in on for name in ("stage_wise", *OFF)}
    loss = lncis(odds.log(), labels, context(epoch, 12, count=5), **switches)
    assert loss.tolist() == pytest.approx(expected)


def code_losses(odds, label):
    """Both by hand: one-hot labels with 1e-4 for 0, natural logarithms; no p near its floor."""
    p = [o / sum(odds) for o in odds]
    q = [1.0 if k == label else 1e-4 for k in range(len(p))]
    ordinary = -sum(q_k * math.log(p_k) for q_k, p_k in zip(q, p, strict=True))
    reverse = -sum(p_k * math.log(q_k) for q_k, p_k in zip(q, p, strict=True))
    return {"C": ordinary, "R": reverse}


@pytest.mark.parametrize("row", TABLE_4)
@pytest.mark.parametrize("epoch", [5, 6], ids=["sixth epoch", "seventh epoch"])
def test_the_rows_of_table_4_by_the_authors_code(row, epoch):
    """The same sets but the isolated one, which has the reverse loss as the others.

    Their first stage is another configuration, with mmdet's own cross entropy.
    """
    on, kinds = TABLE_4[row]
    switches = {name: name in on for name in ("stage_wise", *OFF)}
    first_stage = epoch == 5 and "stage_wise" in on
    kinds = "CCCCC" if first_stage else kinds.replace("0", "R")
    for (odds, label, _), kind in zip(RCE.values(), kinds, strict=True):
        logits = torch.tensor([odds], dtype=torch.float64).log()
        loss = lncis(
            logits,
            torch.tensor([label]),
            context(epoch, 12, count=1),
            convention="lncis-code",
            **switches,
        )
        plain = math.log(sum(odds) / odds[label])
        values = {"C": plain, "R": math.nan} if first_stage else code_losses(odds, label)
        assert loss.item() == pytest.approx(values[kind])
