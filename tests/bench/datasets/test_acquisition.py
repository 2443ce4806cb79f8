import hashlib
import io
import shutil
import zipfile
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from noisyseg.bench.datasets import acquisition
from noisyseg.bench.datasets.acquisition import Source
from noisyseg.bench.datasets.formats.coco2017 import COCO2017
from noisyseg.bench.datasets.formats.coco2017 import PLACE as COCO
from noisyseg.bench.datasets.formats.registry import FORMATS
from noisyseg.bench.datasets.formats.voc2012 import PLACE as VOC
from noisyseg.bench.datasets.formats.voc2012 import VOC2012
from noisyseg.bench.datasets.place import locate_place

IMAGES = {f"val2017/{n:012}.jpg": bytes([n]) * 2000 for n in range(9)}
INSTANCES = {"annotations/instances_val2017.json": b"{}", "annotations/captions.json": b"{}"}
TEST_INFO = {"annotations/image_info_test-dev2017.json": b"{}"}


def zipped(files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


ARCHIVES = {
    "annotations.zip": zipped(INSTANCES),
    "val2017.zip": zipped(IMAGES),
    "test_info.zip": zipped(TEST_INFO),
}


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def sources():
    """Archives of three files, annotations in two of them, one optional and without checksum."""

    def entry(name, part, gives, **more):
        md5 = hashlib.md5(ARCHIVES[name], usedforsecurity=False).hexdigest()
        url = f"http://127.0.0.1:1/official/{name}"
        return {"name": name, "part": part, "url": url, "md5": md5, "folder": "coco"} | {
            "gives": (gives,),
            **more,
        }

    return {
        "coco2017": [
            entry("annotations.zip", "annotations", "annotations/instances_val2017.json"),
            entry("val2017.zip", "val2017", "val2017"),
            entry("test_info.zip", "test", next(iter(TEST_INFO)), optional=True, md5=None),
        ]
    }


@pytest.fixture
def download(call, remote, root, sources, monkeypatch):
    """Calls `data download coco2017` with those archives in a folder of the local server."""
    remote.content = {f"/mirror/{name}": content for name, content in ARCHIVES.items()}

    def run(*options):
        archives = {name: tuple(Source(**entry) for entry in of) for name, of in sources.items()}
        monkeypatch.setitem(FORMATS, "coco2017", replace(COCO2017, archives=archives))
        mirror = ("--mirror", f"{remote.url}/mirror/")
        return call("data", "download", "coco2017", "--root", root, *mirror, *options)

    return run


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def requests(remote):
    count = len(remote.requests)
    remote.requests.clear()
    return count


def test_archives_are_fetched_unpacked_and_deleted(download, root, remote):
    done = download()
    assert done.status == 0, done.err
    assert tree(root / "coco") == INSTANCES | IMAGES
    assert "val2017.zip: downloaded, MD5 right" in done.err
    assert not list(root.glob("*.zip*"))
    assert requests(remote) == 2


def test_what_is_there_is_left_alone(download, root, remote):
    download()
    requests(remote)
    again = download()
    assert again.status == 0
    assert again.err.count("unpacked already") == 2
    assert requests(remote) == 0


def test_a_file_that_has_gone_since_is_fetched_again(download, root, remote):
    download()
    requests(remote)
    (root / "coco" / [*IMAGES][4]).unlink()
    assert download().status == 0
    assert requests(remote) == 1
    assert tree(root / "coco") == INSTANCES | IMAGES


def test_parts(download, root, remote):
    done = download("--part", "test,annotations")
    assert done.status == 0, done.err
    assert tree(root / "coco") == INSTANCES | TEST_INFO
    assert "test_info.zip: downloaded, not checked: no checksum is published" in done.err
    wrong = download("--part", "val")
    assert (wrong.status, wrong.out) == (2, "")
    assert "'val'. Did you mean 'val2017'?" in wrong.err


def test_archives_can_be_kept(download, root):
    assert download("--keep-archives").status == 0
    assert (root / "val2017.zip").read_bytes() == ARCHIVES["val2017.zip"]


def test_an_archive_that_a_user_had_is_checked_used_and_kept(download, root, remote):
    root.mkdir()
    (root / "val2017.zip").write_bytes(ARCHIVES["val2017.zip"])
    assert download("--part", "val2017").status == 0
    assert requests(remote) == 0
    assert tree(root / "coco") == IMAGES
    assert (root / "val2017.zip").is_file()


def test_half_an_archive_that_a_user_had_is_refused(download, root):
    root.mkdir()
    (root / "val2017.zip").write_bytes(ARCHIVES["val2017.zip"][:1000])
    done = download("--part", "val2017")
    assert done.status == 2
    assert "val2017.zip has MD5" in done.err
    assert "(1000 bytes)" in done.err
    assert not (root / "coco").exists()


def test_folders_that_a_user_unpacked_are_left_alone(download, root, remote):
    (root / "coco" / "val2017").mkdir(parents=True)
    done = download("--part", "val2017")
    assert done.status == 0
    assert "data check" in done.err
    assert requests(remote) == 0


def test_a_call_that_was_stopped_while_it_unpacked_is_made_good(
    download, root, remote, monkeypatch
):
    def stopped(archive, folder):
        (folder / "val2017").mkdir(parents=True)
        (folder / next(iter(IMAGES))).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(acquisition, "unpack", stopped)
        assert download("--part", "val2017").status == 130
    requests(remote)
    assert download("--part", "val2017").status == 0
    assert requests(remote) == 0  # the archive was whole
    assert tree(root / "coco") == IMAGES
    assert not (root / "val2017.zip").exists()


def test_a_wrong_byte_on_the_way(download, root, remote):
    whole = ARCHIVES["val2017.zip"]
    remote.content["/mirror/val2017.zip"] = whole[:500] + bytes([whole[500] ^ 1]) + whole[501:]
    done = download()
    assert done.status == 2
    assert "came with MD5" in done.err
    assert tree(root / "coco") == INSTANCES
    remote.content["/mirror/val2017.zip"] = whole
    assert download().status == 0
    assert tree(root / "coco") == INSTANCES | IMAGES


def test_another_archive_under_its_name_never_passes_for_done(download, root, remote, sources):
    sources["coco2017"][1]["md5"] = None
    remote.content["/mirror/val2017.zip"] = zipped({"something/else.txt": b"1"})
    for _ in range(2):
        done = download("--part", "val2017")
        assert done.status == 2
        assert "does not hold val2017" in done.err


def test_cityscapes_wants_an_account(call, tmp_path):
    done = call("data", "download", "cityscapes", "--root", tmp_path)
    assert (done.status, done.out) == (2, "")
    for wanted in (
        "https://www.cityscapes-dataset.com/",
        "leftImg8bit_trainvaltest.zip",
        "gtFine_trainvaltest.zip",
        str(tmp_path / "cityscapes"),
    ):
        assert wanted in done.err


def test_an_unknown_name_is_answered_with_the_nearest(call):
    done = call("data", "download", "voc2021")
    assert done.status == 2
    assert "Did you mean 'voc2012'?" in done.err


def test_sbd_comes_with_voc_if_its_masks_are_wanted(call, monkeypatch, tmp_path):
    named = []
    monkeypatch.setattr(
        "noisyseg.bench.cli.data.download.acquire",
        lambda source, *_, **__: named.append(source.name),
    )
    assert call("data", "download", "voc2012", "--masks", "sbd", "--root", tmp_path).status == 0
    assert named == ["VOCtrainval_11-May-2012.tar", "benchmark.tgz"]


def test_the_official_archives_are_named_as_their_addresses_and_fill_the_official_folders(tmp_path):
    for place, known in ((VOC, VOC2012), (COCO, COCO2017)):
        for source in known.archives[known.name]:
            assert urlsplit(source.url).path.rpartition("/")[2] == source.name
            for given in source.gives:
                (tmp_path / source.folder / given).mkdir(parents=True)
        folder = tmp_path / place.paths[0]
        for part in ("JPEGImages", "Annotations", "ImageSets") if known is VOC2012 else ():
            (folder / part).mkdir()
        assert locate_place(place, tmp_path) == folder
        shutil.rmtree(folder)


def test_checksums_are_those_that_torchvision_has():
    from torchvision.datasets import SBDataset
    from torchvision.datasets.voc import DATASET_YEAR_DICT

    sources = VOC2012.archives
    assert sources["voc2012"][0].md5 == DATASET_YEAR_DICT["2012"]["md5"]
    assert sources["voc2012"][0].url == DATASET_YEAR_DICT["2012"]["url"]
    assert (sources["sbd"][0].md5, sources["sbd"][0].url) == (SBDataset.md5, SBDataset.url)
