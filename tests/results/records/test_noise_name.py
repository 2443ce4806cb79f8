import pytest

from noisyseg.results.records.noise_name import noise_name

SYMMETRIC = {"type": "symmetric", "version": 1, "rate": 1.0}
MATRIX = {"type": "matrix", "version": 1, "matrix": {"classes": ["a"], "rows": [[1.0]]}}


@pytest.mark.parametrize(
    ("noise", "name"),
    [
        (None, "clean"),
        ({"seed": 3, "steps": [{**SYMMETRIC, "rate": 0.4}]}, "symmetric-0.4"),
        ({"seed": 3, "steps": [SYMMETRIC] * 2}, "symmetric-1+symmetric-1"),
        ({"seed": 3, "steps": [MATRIX, SYMMETRIC]}, "matrix+symmetric-1"),
    ],
)
def test_noise_is_named_by_its_types_and_rates(noise, name):
    assert noise_name(noise) == name
