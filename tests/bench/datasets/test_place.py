import re
import shutil
from pathlib import Path

import pytest

from noisyseg.bench.datasets.formats.cityscapes import PLACE as CITYSCAPES
from noisyseg.bench.datasets.formats.coco2017 import PLACE as COCO
from noisyseg.bench.datasets.formats.voc2012 import PLACE as VOC
from noisyseg.bench.datasets.formats.voc2012 import SBD_PLACE as SBD
from noisyseg.bench.datasets.place import listed_names, locate_place
from noisyseg.errors import InputError

FOLDERS = {
    "voc": (VOC, "VOCdevkit/VOC2012"),
    "sbd": (SBD, "benchmark_RELEASE/dataset"),
    "cityscapes": (CITYSCAPES, "cityscapes"),
    "coco": (COCO, "coco"),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_found_from_its_root_and_from_itself(official, name):
    place, folder = FOLDERS[name]
    for root in (official, official / folder):
        assert locate_place(place, root).resolve() == (official / folder).resolve()


def test_voc_and_sbd_are_found_from_the_folders_between(official):
    voc = official / "VOCdevkit"
    assert locate_place(VOC, voc) == voc / "VOC2012"
    for root in (voc, voc / "VOC2012", official / "benchmark_RELEASE"):
        found = locate_place(SBD, root)
        assert found.resolve() == (official / "benchmark_RELEASE" / "dataset").resolve()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("voc", ".."),
        ("voc", "VOCdevkit/VOC2012/JPEGImages"),
        ("voc", "VOCdevkit/VOC2012/ImageSets/Main"),
        ("sbd", ".."),
        ("sbd", "benchmark_RELEASE/dataset/inst"),
        ("cityscapes", ".."),
        ("cityscapes", "cityscapes/gtFine"),
        ("cityscapes", "cityscapes/gtFine/train"),
        ("coco", "coco/annotations"),
    ],
)
def test_the_wrong_level_says_where_the_folder_is(copied, name, wrong):
    place, folder = FOLDERS[name]
    with pytest.raises(InputError, match="was found at") as caught:
        locate_place(place, copied / wrong)
    found = Path(re.search("was found at (.*): name that", str(caught.value))[1])
    assert found.samefile(copied / folder)
    assert locate_place(place, found).samefile(copied / folder)  # the advice can be followed


@pytest.mark.parametrize(
    ("name", "absent", "archive"),
    [
        ("voc", "Annotations", "VOCtrainval_11-May-2012.tar"),
        ("sbd", "train.txt", "benchmark.tgz"),
        ("cityscapes", "gtFine", "gtFine_trainvaltest.zip"),
        ("coco", "val2017", "val2017.zip"),
    ],
)
def test_half_an_archive_says_what_is_not_there(copied, name, absent, archive):
    place, folder = FOLDERS[name]
    path = copied / folder / absent
    path.unlink() if path.is_file() else shutil.rmtree(path)
    with pytest.raises(InputError) as caught:
        locate_place(place, copied)
    said = str(caught.value)
    assert f"{copied / folder} is not all of" in said
    assert f": {absent} is not there" in said
    assert archive in said


def test_an_empty_folder_and_none_at_all(tmp_path):
    with pytest.raises(InputError, match=f"not in {tmp_path}: wanted .*VOCdevkit/VOC2012 with"):
        locate_place(VOC, tmp_path)
    with pytest.raises(InputError, match=f"no folder {tmp_path / 'absent'}, where Pascal VOC"):
        locate_place(VOC, tmp_path / "absent")


def test_links_in_a_circle_end(tmp_path):
    (tmp_path / "again").symlink_to(tmp_path)
    with pytest.raises(InputError, match="COCO 2017 is not in"):
        locate_place(COCO, tmp_path)


def test_a_list_gives_the_first_word_of_each_line(tmp_path):
    path = tmp_path / "cat_train.txt"
    path.write_bytes(b"2008_000008 -1\r\n2008_000002  1\n\n2008_000003\n")
    assert listed_names(path) == ["2008_000008", "2008_000002", "2008_000003"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "names no image: it is empty"),
        (b"\n \n", "names no image: it is empty"),
        (b"a\nb\na\na\n", "names 2 images twice"),
        (b"a\n../b\n", "plain image names"),
        (b".b\n", "plain image names"),
        (b"\xff\xfe\x00\n", "no.* text file of image names"),
    ],
)
def test_a_list_that_is_none_is_named(tmp_path, content, problem):
    path = tmp_path / "train.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{path}.*{problem}"):
        listed_names(path)


def test_a_list_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputError, match=f"no image list at {tmp_path / 'train.txt'}"):
        listed_names(tmp_path / "train.txt")
    with pytest.raises(InputError, match=f"cannot read {tmp_path}: Is a directory"):
        listed_names(tmp_path)
