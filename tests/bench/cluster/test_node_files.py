import json
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from noisyseg.bench.cluster.node_files import (
    Folder,
    NeededFiles,
    Weights,
    needed_files,
    problems_here,
    sees,
    store_token,
)
from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes

SIZES = {"a.png": 3, "b.png": 5}


@pytest.fixture
def runs(toy, tmp_path):
    """The eight runs of the toy suite at two noise seeds; both parts have images 0, 1 and 2."""
    toy.suite["seeds"] = [0, 1]
    toy.write()
    return toy.expand(tmp_path / "runs")


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name, size in SIZES.items():
        (folder / name).write_bytes(b"x" * size)
    return folder


def problems(*, folders=(), weights=()):
    return problems_here(NeededFiles(folders=tuple(folders), weights=tuple(weights)))


def test_each_folder_and_file_of_weights_is_needed_once(runs, toy, tmp_path):
    weights = tmp_path / "w.pth"
    weights.write_bytes(b"weights")
    spec = {**runs[0].spec, "model": {"weights_sha256": sha256_bytes(b"weights")}}
    runs = [replace(run, weights=weights, spec=spec) for run in runs * 1000]
    needed = needed_files(runs)
    size = (toy.root / "train" / "0.png").stat().st_size
    sizes = {f"{n}.png": size for n in range(3)}
    assert needed.folders == tuple(
        Folder(str(toy.root / part), sizes) for part in ("train", "eval")
    )
    assert needed.weights == (Weights(str(weights), sha256_bytes(b"weights")),)
    assert problems_here(needed) == []


def test_the_images_looked_for_are_spread_over_the_whole_list(runs, toy, make_document):
    document = make_document(["cat", "dog"], 4)
    document["images"] = [
        {"id": n, "file_name": f"{n}.jpg", "width": 20, "height": 10} for n in range(1, 1001)
    ]
    odd = toy.root / "many.json"
    odd.write_text(json.dumps(document))
    moved = [replace(runs[0], train_annotations=odd)]
    train, _ = needed_files(moved).folders
    numbers = [int(Path(name).stem) for name in train.sizes]
    assert (numbers[0], numbers[-1]) == (1, 1000)
    gaps = [later - earlier for earlier, later in pairwise(numbers)]
    assert len(numbers) == 8
    assert max(gaps) - min(gaps) <= 1
    assert set(train.sizes.values()) == {None}  # not there: the driver cannot say


def test_images_that_are_there_are_no_problem(images):
    assert problems(folders=[Folder(str(images), SIZES)]) == []
    assert problems(folders=[Folder(str(images), {"a.png": None})]) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda folder: folder.rename(folder.with_name("x")), "no folder {}, where images should"),
        (lambda folder: (folder / "a.png").unlink(), "of 2 images looked for, 1 are wrong: a.png"),
        (lambda folder: (folder / "b.png").write_bytes(b"x"), "b.png has 1 bytes, not 5"),
    ],
)
def test_images_that_are_not_as_the_driver_has_them_are_named(images, change, told):
    change(images)
    (problem,) = problems(folders=[Folder(str(images), SIZES)])
    assert told.format(images) in problem


def test_weights_are_compared_by_content(tmp_path):
    path = tmp_path / "w.pth"
    wanted = Weights(str(path), sha256_bytes(b"right"))
    assert problems(weights=[wanted]) == [f"no weights at {path}"]
    path.write_bytes(b"right")
    assert problems(weights=[wanted]) == []
    path.write_bytes(b"wrong")
    (problem,) = problems(weights=[wanted])
    for part in (str(path), sha256_bytes(b"wrong")[:16], sha256_bytes(b"right")[:16]):
        assert part in problem


def test_a_token_is_seen_while_it_lies_there_and_by_its_content(tmp_path):
    with store_token(tmp_path / "runs") as token:
        assert sees(token)
        assert not sees(token._replace(content="of another store at this path"))
    assert not sees(token)
    assert os.listdir(tmp_path / "runs") == []
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write"), store_token(tmp_path / "file"):
        pass
