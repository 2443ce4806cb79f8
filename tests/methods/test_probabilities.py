import pytest
import torch

from noisyseg.methods.probabilities import log_probabilities, of_labels


@pytest.mark.parametrize(
    ("given", "computed"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_precision_is_raised_and_never_lowered(given, computed):
    assert log_probabilities(torch.zeros(2, 3, dtype=given)).dtype == computed


def test_autocast_does_not_lower_float64():
    logits = torch.tensor([[0.0, 1e-12]], dtype=torch.float64)
    with torch.autocast("cpu", torch.bfloat16):
        log_probs = log_probabilities(logits)
    assert log_probs.dtype == torch.float64
    assert (log_probs[0, 1] - log_probs[0, 0]).item() == pytest.approx(1e-12, rel=1e-3)


def test_probabilities_of_known_odds():
    logits = torch.tensor([[1.0, 2.0, 5.0]], dtype=torch.float64).log()  # odds 1 : 2 : 5
    expected = torch.tensor([[0.125, 0.25, 0.625]], dtype=torch.float64)
    torch.testing.assert_close(log_probabilities(logits).exp(), expected)


def test_of_labels_takes_each_rows_own_entry():
    values = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert of_labels(values, torch.tensor([1, 0], dtype=torch.int32)).tolist() == [2.0, 3.0]
