import platform
from dataclasses import replace

import pytest

from noisyseg.bench.runs.noise_again import clean_file, make_again, noise_from
from noisyseg.bench.runs.train_files import noisy_folder_name
from noisyseg.errors import InputError
from noisyseg.files import sha256_file


@pytest.fixture
def noisy(toy, tmp_path):
    """A noisy run of the toy suite."""
    return next(run for run in toy.expand(tmp_path / "runs") if run.manifest is not None)


def test_a_run_s_noise_makes_its_file_again(noisy, tmp_path):
    noise = noise_from(noisy, sha256_file(clean_file(noisy)))
    place = tmp_path / "elsewhere" / "annotations.json"
    make_again(noise, clean_file(noisy), place, sha256_file(noisy.train_annotations))
    assert place.read_bytes() == noisy.train_annotations.read_bytes()
    assert place.read_bytes() != clean_file(noisy).read_bytes()
    assert list(place.parent.iterdir()) == [place]


def test_another_file_than_the_first_one_is_refused_with_both_sums(noisy, tmp_path):
    found, wanted = sha256_file(noisy.train_annotations), "0" * 64
    noise = noise_from(noisy, sha256_file(clean_file(noisy)))
    place = tmp_path / "elsewhere" / "annotations.json"
    with pytest.raises(InputError) as refused:
        make_again(noise, clean_file(noisy), place, wanted)
    for part in (platform.node(), found, wanted, "same Python packages"):
        assert part in str(refused.value)
    assert list(place.parent.iterdir()) == []


def test_noise_that_cannot_be_made_again_is_known(noisy, toy, tmp_path):
    clean = sha256_file(clean_file(noisy))
    assert noise_from(noisy, "0" * 64) is None  # of another file
    unknown = {"type": "own", "version": 1, "file_sha256": "0" * 64}
    spec = {**noisy.spec, "noise": {"seed": 0, "steps": [unknown]}}
    assert noise_from(replace(noisy, spec=spec), clean) is None
    place = tmp_path / noisy_folder_name(clean, spec["noise"]) / "annotations.json"
    assert noise_from(replace(noisy, spec=spec, train_annotations=place), clean) is None
    (plain, *_) = toy.expand(tmp_path / "runs")
    assert noise_from(plain, clean) is None
