"""What every format that can be named by itself keeps to."""

from dataclasses import replace

import pytest

from noisyseg.bench.datasets.data_format import DataOptions
from noisyseg.bench.datasets.formats.registry import FORMATS, named_formats
from noisyseg.bench.datasets.named_data import named_data
from noisyseg.errors import InputError

NAMED = [(known, masks) for known in named_formats() for masks in known.masks or (None,)]
NAMES = [f"{known.name}-{masks}" for known, masks in NAMED]


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture(params=NAMED, ids=NAMES)
def data(request, copied):
    known, masks = request.param
    return named_data(known, copied, DataOptions(masks=masks, allow_partial=True))


def test_looking_writes_nothing_and_foresees_what_is_made(data, copied):
    before = files(copied)
    assert data.find() is None
    foreseen = data.foresee()
    assert files(copied) == before
    made = data.make(workers=1)
    assert replace(foreseen, contents={}, has_images=True) == made
    for part, content in foreseen.contents.items():
        assert getattr(made, part).annotations.read_bytes() == content
    after = files(copied)
    assert after != before
    assert data.find() == data.foresee() == data.make() == made
    assert (data.check(workers=1).faults, files(copied)) == ([], after)
    assert made.train.images.is_relative_to(data.folder)


@pytest.mark.parametrize("known", [known for known, _ in NAMED if not known.built_in])
def test_an_empty_folder_is_refused(known, tmp_path):
    with pytest.raises(InputError, match=f"is not in {tmp_path}: wanted "):
        named_data(known, tmp_path, DataOptions())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("known", FORMATS.values(), ids=FORMATS)
def test_archives_have_a_checksum_and_a_part_or_are_got_by_hand(known):
    sources = [source for of in known.archives.values() for source in of]
    assert bool(sources) + bool(known.by_hand) + known.built_in + bool(known.required) == 1
    for source in sources:
        assert source.url.startswith(("http://", "https://"))
        assert source.md5 is None or len(source.md5) == 32
        assert source.md5 is not None or source.optional
