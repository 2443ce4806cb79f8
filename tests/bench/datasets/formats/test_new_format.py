"""The recipe for a format of one's own: a file, here this one, and its line in the registry."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from noisyseg.bench.datasets.converted import ConvertedImage
from noisyseg.bench.datasets.data_format import Format
from noisyseg.bench.datasets.formats.registry import FORMATS
from noisyseg.bench.datasets.official_data import OfficialData
from noisyseg.bench.datasets.place import Place, locate_place
from noisyseg.bench.datasets.raw_files import image_size
from noisyseg.bench.datasets.ready import annotation_file
from noisyseg.bench.datasets.split import Split
from noisyseg.bench.datasets.unpacked import SPLITS
from noisyseg.bench.datasets.unpacked_images import UnpackedImages
from noisyseg.errors import InputError

# The format: dots/SPLIT/NAME.png beside NAME.txt, which holds a box, as four numbers, a line.

PLACE = Place(what="Dots", paths=("dots", "."), needs=SPLITS, archive="dots.zip")
OFFICIAL = {"train": 3, "val": 2}


@dataclass(kw_only=True, slots=True, frozen=True)
class Dots:
    picture: Path

    def files(self):
        return [self.picture, self.picture.with_suffix(".txt")]

    def convert(self):
        width, height = image_size(self.picture)
        try:
            lines = self.picture.with_suffix(".txt").read_text().splitlines()
        except OSError as error:
            raise InputError(f"cannot read {error.filename}: {error.strerror}.") from error
        return ConvertedImage(
            image={"file_name": self.picture.name, "width": width, "height": height},
            annotations=[self._annotation(*map(float, line.split())) for line in lines],
        )

    def _annotation(self, x, y, width, height):
        return {
            "category_id": 1,
            "bbox": [x, y, width, height],
            "area": width * height,
            "segmentation": [[x, y, x + width, y, x + width, y + height]],
            "iscrowd": 0,
        }


@dataclass(kw_only=True, slots=True, frozen=True)
class DotFiles(UnpackedImages):
    def listed(self):
        return {split: len(self.tasks(split)) for split in SPLITS}

    def splits(self, prepared):
        return {
            split: Split(annotations=annotation_file(prepared, split), images=self.folder / split)
            for split in SPLITS
        }

    def tasks(self, split):
        return [Dots(picture=path) for path in sorted((self.folder / split).glob("*.png"))]


def locate(section, root, options):
    files = DotFiles(
        name="dots",
        folder=locate_place(PLACE, root),
        official=OFFICIAL,
        classes=["dot", "dash"],
        categories=[{"id": 1, "name": "dot"}, {"id": 2, "name": "dash"}],
    )
    return OfficialData(files=files, root=root, options=options)


DOTS = Format(
    name="dots",
    locate=locate,
    optional=("classes", "images"),
    official=lambda section, options: OFFICIAL,
)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Five images in the format's layout, and its line in the registry."""
    monkeypatch.setitem(FORMATS, "dots", DOTS)
    for split, count in OFFICIAL.items():
        folder = tmp_path / "data" / "dots" / split
        folder.mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (30, 20), (number, 0, 99)).save(folder / f"{split}{number}.png")
            (folder / f"{split}{number}.txt").write_text("2 2 9 9\n15 4 8 8\n")
    return tmp_path / "data"


@pytest.fixture
def words(toy, root):
    toy.suite["data"] = {"format": "dots"}
    toy.write()
    return [toy.file, "--data-root", root]


def row(done):
    return next(row for row in json.loads(done.out) if row["name"] == "dots")


def test_it_is_listed_checked_and_prepared(call, root):
    listed = row(call("data", "list", "--root", root, "--json"))
    assert (listed["state"], listed["detail"]) == ("not prepared", str(root / "dots"))
    assert call("data", "prepare", "dots", "--root", root).status == 0
    assert row(call("data", "list", "--root", root, "--json"))["state"] == "ready"
    checked = call("data", "check", "dots", "--root", root)
    assert (checked.status, checked.out.splitlines()[0]) == (
        0,
        "dots: 5 images, 10 annotations looked at",
    )
    (root / "dots" / "val" / "val1.txt").unlink()
    broken = call("data", "check", "dots", "--root", root)
    assert broken.status == 1
    assert f"cannot read {root / 'dots' / 'val' / 'val1.txt'}" in broken.out


def test_a_suite_uses_it_before_it_is_prepared(call, root, words):
    validated = call("suite", "validate", *words)
    assert validated.status == 0, validated.err
    planned = json.loads(call("plan", *words, "--json").out)
    listed = call("run", *words, "--dry-run")
    assert listed.status == 0
    assert [entry["key"] for entry in planned["runs"]] == [
        line.split()[0] for line in listed.out.splitlines()
    ]
    assert None not in {entry["key"] for entry in planned["runs"]}
    assert not (root / "noisyseg").exists()


def test_its_official_numbers_are_planned_with_and_insisted_on(call, root, words, tmp_path):
    absent = json.loads(call("plan", words[0], "--data-root", tmp_path / "no", "--json").out)
    assert "Dots" in absent["note"]
    assert absent["runs"][0]["iterations"] is not None
    (root / "dots" / "train" / "train0.png").unlink()
    refused = call("suite", "validate", *words)
    assert refused.status == 2
    assert "train has 2 images" in refused.err
    assert call("suite", "validate", *words, "--allow-partial").status == 0


def test_what_has_no_archives_is_not_said_to_be_downloadable(call, root, tmp_path):
    listed = row(call("data", "list", "--root", tmp_path / "data" / "..", "--json"))
    assert (listed["state"], listed["command"]) == ("not there", "")
    refused = call("data", "download", "dots")
    assert refused.status == 2
    assert "unknown data set to download 'dots'" in refused.err


def test_its_section_of_a_suite_knows_its_keys(call, toy, words):
    toy.suite["data"] = {"format": "dots", "masks": "seg"}
    toy.write()
    refused = call("suite", "validate", *words)
    assert refused.status == 2
    assert "unknown key of data of format dots 'masks'" in refused.err


def test_every_format_is_registered_by_its_file():
    folder = Path(__file__).parents[4] / "bench" / "datasets" / "formats"
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "registry"}
    assert files == set(FORMATS)
    assert all(known.name == name for name, known in FORMATS.items())
