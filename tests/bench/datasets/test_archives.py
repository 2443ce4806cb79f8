import io
import tarfile
import zipfile

import pytest

from noisyseg.bench.datasets.archives import unpack
from noisyseg.errors import InputError


def make_tar(path, files, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def make_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


FILES = {"VOCdevkit/a.txt": b"a", "VOCdevkit/inner/b.txt": b"b" * 10_000}
KINDS = {
    "a.tar": make_tar,
    "a.tgz": lambda path, files: make_tar(path, files, "w:gz"),
    "a.zip": make_zip,
}


@pytest.fixture(params=list(KINDS))
def make(request, tmp_path):
    return lambda files: KINDS[request.param](tmp_path / request.param, files)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "root" / "coco"


def test_everything_is_unpacked_and_nothing_else_is_left(make, folder):
    unpack(make(FILES), folder)
    assert tree(folder) == FILES
    assert [entry.name for entry in folder.iterdir()] == ["VOCdevkit"]


def test_what_is_there_already_stays_beside_it(make, folder):
    (folder / "VOCdevkit" / "inner").mkdir(parents=True)
    (folder / "VOCdevkit" / "inner" / "c.txt").write_bytes(b"c")
    (folder / "VOCdevkit" / "a.txt").write_bytes(b"half")
    unpack(make(FILES), folder)
    assert tree(folder) == {**FILES, "VOCdevkit/inner/c.txt": b"c"}


@pytest.mark.parametrize("name", ["../outside.txt", "a/../../outside.txt"])
def test_nothing_leaves_the_folder(make, folder, tmp_path, name):
    archive = make({"fine.txt": b"1", name: b"2"})
    with pytest.raises(InputError, match=r"cannot be unpacked: .*outside\.txt"):
        unpack(archive, folder)
    assert tree(tmp_path) == {archive.name: archive.read_bytes()}


def test_no_absolute_name_in_a_zip_file(folder, tmp_path):
    archive = make_zip(tmp_path / "a.zip", {str(tmp_path / "outside.txt"): b"2"})
    with pytest.raises(InputError, match="leaves the folder"):
        unpack(archive, folder)
    assert tree(folder) == {}


def test_an_absolute_name_in_a_tar_file_lands_inside_or_is_refused(folder, tmp_path):
    archive = make_tar(tmp_path / "a.tar", {f"{tmp_path}/outside.txt": b"2"})
    unpack(archive, folder)
    assert not (tmp_path / "outside.txt").exists()


def test_no_link_leads_out_of_the_folder(folder, tmp_path):
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(link)
    entry = zipfile.ZipInfo("link")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry, str(tmp_path))
    for name in ("a.tar", "a.zip"):
        with pytest.raises(InputError, match="link"):
            unpack(tmp_path / name, folder)
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["../outside.txt", "/outside.txt"])
def test_an_older_python_without_filters_refuses_them_too(folder, tmp_path, monkeypatch, name):
    monkeypatch.delattr(tarfile, "data_filter")
    with pytest.raises(InputError, match="leaves the folder"):
        unpack(make_tar(tmp_path / "a.tar", {name: b"2"}), folder)


@pytest.mark.parametrize("keep", [0, 10, 0.3, 0.8])
def test_half_an_archive_leaves_nothing(make, folder, keep):
    archive = make({name: content * 9 for name, content in FILES.items()})
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(keep if keep >= 1 else keep * len(whole))])
    with pytest.raises(InputError, match=f"{archive.name} cannot be unpacked"):
        unpack(archive, folder)
    assert tree(folder) == {}


def test_a_wrong_byte_in_a_zip_file_leaves_nothing(folder, tmp_path):
    archive = make_zip(tmp_path / "a.zip", FILES)
    content = bytearray(archive.read_bytes())
    content[content.index(b"inner/b.txt") + 15] ^= 255  # in the compressed bytes after the name
    archive.write_bytes(content)
    with pytest.raises(InputError, match="cannot be unpacked"):
        unpack(archive, folder)
    assert tree(folder) == {}


def test_what_a_killed_call_left_is_cleared_away(folder, tmp_path):
    scratch = folder / ".unpacking-a.zip" / "VOCdevkit"
    scratch.mkdir(parents=True)
    (scratch / "half.txt").write_bytes(b"")
    unpack(make_zip(tmp_path / "a.zip", FILES), folder)
    assert tree(folder) == FILES


def test_a_file_in_the_way_of_the_folder_is_named(make, folder):
    folder.parent.mkdir()
    folder.write_bytes(b"")
    with pytest.raises(InputError, match=r"cannot be unpacked to .*coco"):
        unpack(make(FILES), folder)
