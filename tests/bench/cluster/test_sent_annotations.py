from dataclasses import replace

import pytest

from noisyseg.annotation_files.annotation_index import index_path
from noisyseg.bench.cluster import sent_annotations
from noisyseg.bench.cluster.home_files import HomeFiles
from noisyseg.bench.cluster.sent_annotations import with_own_annotations
from noisyseg.bench.datasets.split import Split
from noisyseg.errors import InputError
from noisyseg.files import write_atomically

NAMES = ("train_annotations", "eval_annotations", "manifest")


class Counting(HomeFiles):
    """The home's files, and which of them were read."""

    def __init__(self, root, others=()):
        super().__init__(root, others)
        self.read_files = []

    def read(self, path, offset, size):
        self.read_files.append(path)
        return super().read(path, offset, size)


@pytest.fixture
def runs(toy, tmp_path):
    """A clean run and a noisy one, at home in `runs`."""
    found = toy.expand(tmp_path / "runs")
    return found[0], next(run for run in found if run.manifest is not None)


@pytest.fixture
def files(runs, tmp_path):
    return Counting(str(tmp_path / "runs"))


@pytest.fixture
def nothing_fits(monkeypatch):
    monkeypatch.setattr(sent_annotations, "LARGEST_SENT", 0)


def check(given, own, folder):
    for name in NAMES:
        there, here = getattr(given, name), getattr(own, name)
        assert (here is None) == (there is None)
        if here is not None:
            assert here.is_relative_to(folder)
            assert here.read_bytes() == there.read_bytes()
    for name in NAMES[:2]:
        there, here = getattr(given, name), getattr(own, name)
        assert index_path(here).read_bytes() == index_path(there).read_bytes()


def test_files_are_sent_once_and_shared(runs, files, tmp_path):
    for run in runs * 2:
        own = with_own_annotations(run, files, tmp_path / "node")
        check(run, own, tmp_path / "node")
        assert (own.key, own.folder, own.train_images) == (run.key, run.folder, run.train_images)
    clean, noisy = runs
    assert sorted(files.read_files) == sorted(
        str(path)
        for path in (
            clean.train_annotations,
            clean.eval_annotations,
            noisy.train_annotations,
            noisy.manifest,
        )
    )


def test_a_damaged_copy_is_sent_again(runs, files, tmp_path):
    own = with_own_annotations(runs[1], files, tmp_path / "node")
    own.train_annotations.write_bytes(b"cut")
    check(runs[1], with_own_annotations(runs[1], files, tmp_path / "node"), tmp_path / "node")


def test_a_large_noisy_file_is_made_again_from_the_clean_one(runs, files, tmp_path, nothing_fits):
    _, noisy = runs
    check(noisy, with_own_annotations(noisy, files, tmp_path / "node"), tmp_path / "node")
    assert str(noisy.train_annotations) not in files.read_files
    assert str(noisy.eval_annotations.with_name("train.json")) in files.read_files


def test_noise_that_comes_to_other_bytes_here_is_refused(runs, files, tmp_path, nothing_fits):
    _, noisy = runs
    write_atomically(noisy.train_annotations, noisy.train_annotations.read_bytes() + b"\n")
    with pytest.raises(InputError, match="the noise comes to another file on"):
        with_own_annotations(noisy, files, tmp_path / "node")


def test_a_large_file_that_cannot_be_made_again_is_sent_after_all(
    runs, files, tmp_path, nothing_fits
):
    _, noisy = runs
    noisy.eval_annotations.with_name("train.json").unlink()
    check(noisy, with_own_annotations(noisy, files, tmp_path / "node"), tmp_path / "node")
    assert str(noisy.train_annotations) in files.read_files


def test_a_file_that_is_gone_from_the_home_is_named(runs, files, tmp_path):
    _, noisy = runs
    noisy.manifest.unlink()
    with pytest.raises(InputError, match=f"{noisy.manifest} is gone"):
        with_own_annotations(noisy, files, tmp_path / "node")


def test_a_submission_s_list_is_sent_and_its_images_stay(runs, toy, tmp_path):
    listed = toy.root / "eval.json"  # outside of the store
    split = Split(annotations=listed, images=toy.root / "eval", limit=2)
    run = replace(runs[0], submission=split)
    files = HomeFiles(str(tmp_path / "runs"), [str(listed)])
    own = with_own_annotations(run, files, tmp_path / "node").submission
    assert (own.images, own.limit) == (split.images, 2)
    assert own.annotations.is_relative_to(tmp_path / "node")
    assert own.annotations.read_bytes() == listed.read_bytes()
