"""Strangers' archives: every trick is refused in a sentence, and nothing leaves the folder."""

import io
import json
import os
import random
import shutil
import stat
import struct
import threading
import zipfile
import zlib

import pytest
import zstandard

from noisyseg.bench.leaderboard.archive import unpacked
from noisyseg.bench.leaderboard.bundle import write_archive
from noisyseg.bench.leaderboard.contents import Claim, Contents, FileEntry, RunEntry, encode
from noisyseg.bench.leaderboard.limits import LIMITS, Limits
from noisyseg.bench.leaderboard.zip_writing import packed
from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes

KEY = "0123456789abcdef"
PREDICTIONS = {"format": 1, "annotations_sha256": "0" * 64, "image_ids": [1, 2], "detections": []}
RECORD, LOG, DETECTIONS = (
    f"runs/{KEY}/{name}" for name in ("record.json", "log.jsonl", "predictions.json.zst")
)


def compressed(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return zstandard.ZstdCompressor(level=10, write_checksum=True).compress(data)


def files_with(**changes):
    """A bundle's files but for bundle.json, some of them others."""
    return {
        "card.json": b'{"name":"A method"}',
        "suite.json": b'{"name":"toy"}',
        RECORD: b'{"status":"done"}',
        LOG: b'{"epoch":1}\n{"epoch":2}\n',
        DETECTIONS: compressed(PREDICTIONS),
        **changes,
    }


def contents_of(files, **changes):
    return Contents(
        **{
            "format": 1,
            "noisyseg": "0.1.0",
            "suite": "toy",
            "method": "ce",
            "kind": "trained",
            "runs": [RunEntry(key=KEY, noise="clean", noise_seed=None, train_seed=0)],
            "claims": {"clean": {"segm.AP": Claim(n=1, mean=20.0, sd=None)}},
            "files": {
                name: FileEntry(sha256=sha256_bytes(data), bytes=len(data))
                for name, data in files.items()
            },
            **changes,
        }
    )


def all_files(files=None):
    files = files_with() if files is None else files
    return {"bundle.json": encode(contents_of(files)), **files}


def zipped(files, how=zipfile.ZIP_STORED, each=None):
    """The archive as Python's zipfile makes it; `each` changes an entry before it is written."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, data in files.items() if isinstance(files, dict) else files:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = how
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            if each is not None:
                each(entry)
            archive.writestr(entry, data)
    return out.getvalue()


@pytest.fixture
def tried(tmp_path):
    """Unpacks bytes into a new folder, and sees to it that nothing else is touched."""
    (tmp_path / "beside").write_text("mine")

    def make(data, limits=LIMITS):
        path, folder = tmp_path / "b.zip", tmp_path / "out" / "deeper"
        shutil.rmtree(folder.parent, ignore_errors=True)
        path.write_bytes(data)
        before = everything(tmp_path, folder)
        try:
            return unpacked(path, folder, limits)
        finally:
            assert everything(tmp_path, folder) == before

    return make


def everything(root, but):
    paths = (path for path in root.rglob("*") if but not in (path, *path.parents))
    return {
        str(path): path.read_bytes() for path in paths if path.is_file() and but not in path.parents
    }


def place_of(data, name):
    """Where a file's name stands in its header; the content follows."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.getinfo(name).header_offset + 30


def refused(tried, data, reason, limits=LIMITS):
    with pytest.raises(InputError, match=reason) as caught:
        tried(data, limits)
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def test_what_was_written_is_unpacked(tmp_path, tried):
    files = files_with()
    written = write_archive(
        tmp_path / "own.zip", contents_of(files), [packed(*entry) for entry in files.items()]
    )
    data = (tmp_path / "own.zip").read_bytes()
    bundle = tried(data)
    assert (bundle.bytes, bundle.sha256) == (len(data), sha256_bytes(data))
    assert (bundle.contents, written.size) == (written.contents, len(data))
    found = {
        path.relative_to(bundle.folder).as_posix(): path.read_bytes()
        for path in bundle.folder.rglob("*")
        if path.is_file()
    }
    assert found == all_files()


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_other_programs_may_pack_the_same_files(tried, how):
    turned = dict(reversed(all_files().items()))
    long = {**files_with(), LOG: b'{"epoch":1}\n' * 30_000}
    assert tried(zipped(turned, how)).contents == contents_of(files_with())
    assert tried(zipped(all_files(long), how)).contents == contents_of(long)


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/etc/evil",
        "runs/../../evil",
        f"runs/{KEY}/../../../evil",
        "..\\evil",
        "C:evil",
        "//evil/evil",
        "card.json/",
        "runs/",
        "CARD.JSON",
        "card.json ",
        "card.json.",
        "c\u0430rd.json",
        f"runs/{KEY}/checkpoints/last.pth",
        "sitecustomize.py",
        "x" * 60_000,
    ],
)
def test_names_that_lead_elsewhere(tried, name):
    refused(tried, zipped([*all_files().items(), (name, b"{}")]), "no bundle has a file")


@pytest.mark.parametrize("name", [b"card.json\0", b"card\xff.json", b"card.jso\n"])
def test_names_of_other_bytes(tried, name):
    data = zipped({**all_files(), "x" * len(name): b"{}"}).replace(b"x" * len(name), name)
    refused(tried, data, "no bundle has a file")


@pytest.mark.parametrize(
    "mode", [stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK]
)
def test_links_and_devices(tried, mode):
    def change(entry):
        if entry.filename == "card.json":
            entry.external_attr = mode << 16

    files = all_files(files_with(**{"card.json": b"/etc/passwd"}))
    refused(tried, zipped(files, each=change), "card.json: a link, a folder or a device")


def test_a_folder_of_msdos(tried):
    def change(entry):
        entry.external_attr = 0x10

    refused(tried, zipped(all_files(), each=change), "a link, a folder or a device")


def test_a_name_twice(tried):
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zipped([*all_files().items(), ("card.json", b"{}")])
    refused(tried, data, "card.json: the archive has it twice")


def test_a_bomb_by_its_ratio(tried):
    files = all_files(files_with(**{RECORD: b" " * (9 << 20)}))
    data = zipped(files, zipfile.ZIP_DEFLATED)
    assert len(data) < 30_000
    refused(tried, data, f"{RECORD}: 9437184 bytes out of")


def test_a_bomb_whose_header_lies(tried):
    """Ten bytes, it says, of ten million."""
    files = all_files(files_with(**{RECORD: b" " * 10_000_000}))
    data = zipped(files, zipfile.ZIP_DEFLATED)
    data = data.replace(struct.pack("<L", 10_000_000), struct.pack("<L", 10))
    refused(tried, data, f"{RECORD}: it unpacks to more than 10 bytes")


def test_a_log_of_many_tiny_lines_is_refused_before_they_are_parsed(tried):
    data = zipped(all_files(files_with(**{LOG: b"x\n" * 100_001})))
    refused(tried, data, f"{LOG}: 100001 lines; at most 100000")


def test_more_detections_than_images_can_have_are_refused_before_they_are_parsed(tried):
    many = b",".join([b'{"no detection":{}}'] * 2001)
    data = b'{"image_ids":[1,2],"detections":[' + many + b"]}"
    reason = f"{DETECTIONS}: 2001 detections of 2 images; at most 1000 an image"
    refused(tried, zipped(all_files(files_with(**{DETECTIONS: compressed(data)}))), reason)


def test_image_ids_without_end_are_not_kept(tried):
    data = zipped(all_files())
    refused(tried, data, "more than 0 detections and their images", Limits(images=1))


def test_sizes(tried):
    data = zipped(all_files())
    for limits, reason in (
        (Limits(archive=len(data) - 1), f"the archive has {len(data)} bytes"),
        (Limits(members=5), "the archive says 6 files"),
        (Limits(directory=200), "list of files has"),
        (Limits(member=50), "bytes; at most 50"),
        (Limits(total=300), "bytes together; at most 300"),
        (Limits(json=18), "at most 18"),
        (Limits(log=20), f"{LOG}: 24 bytes; at most 20"),
        (Limits(log_lines=1), f"{LOG}: 2 lines; at most 1 are"),
        (Limits(detections=20, ratio_from=1), "more than 20 bytes out of"),
    ):
        refused(tried, data, reason, limits)
    assert tried(data, Limits(archive=len(data), members=6))


def end(count, length, start, comment=0):
    return struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, length, start, comment)


def test_ten_million_files(tried, tmp_path):
    """A zip64 says how many, or the list is as long; neither is read."""
    path = tmp_path / "many.zip"
    length = 10_000_000 * 57
    with path.open("wb") as file:
        file.truncate(length)
        file.seek(length)
        file.write(end(60_000, length, 0))
    with pytest.raises(InputError, match="says 60000 files or more; at most 10000"):
        unpacked(path, tmp_path / "a")
    with path.open("r+b") as file:
        file.seek(length)
        file.write(end(9_999, length, 0))
    with pytest.raises(InputError, match="list of files has 570000000 bytes"):
        unpacked(path, tmp_path / "a")
    path.unlink()
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 10**7, 10**7, length, 0)
    refused(tried, record + locator + end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF), "says 65535 files")
    refused(tried, record + locator + end(6, 100, 0), "or is of a zip64")


def test_a_list_of_other_length_than_said(tried):
    data = zipped(all_files())
    *_, count, length, start, _ = struct.unpack("<4s4H2LH", data[-22:])
    assert count == 6
    refused(tried, data[:-22] + end(5, length, start), "has more than it says")
    refused(tried, data[:-22] + end(7, length, start), "has fewer than it says")
    refused(tried, data[:-22] + end(0, 0, len(data) - 22), "belong to no file")


def test_sizes_of_zip64(tried):
    """Sizes that say: look into the extra field."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in all_files().items():
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(data)
    refused(tried, out.getvalue(), "header|extra field|overlap")
    data = zipped(
        all_files(), each=lambda entry: setattr(entry, "extra", b"\x01\0\x08\0" + b"1" * 8)
    )
    refused(tried, data, "extra field")


def test_a_name_in_an_extra_field(tried):
    """Info-ZIP's unicode path gives a file another name, to those who look."""
    for extra in (b"up", b"UT"):
        field = extra + struct.pack("<HBL", 12, 1, 0) + b"../evil"
        refused(
            tried,
            zipped(all_files(), each=lambda entry, field=field: setattr(entry, "extra", field)),
            "an extra field",
        )


def test_files_in_the_same_place(tried):
    """David Fifield's bomb: all files share one content."""
    data = zipped(all_files())
    start = struct.unpack("<L", data[-6:-2])[0]
    directory = bytearray(data[start:-22])
    struct.pack_into("<L", directory, directory.index(b"card.json") - 4, 0)
    refused(tried, data[:start] + bytes(directory) + data[-22:], "card.json|bundle.json")


def test_encrypted(tried):
    data = bytearray(zipped(all_files()))
    place = data.rindex(b"card.json") - 46 + 8
    for flag, reason in (
        (1, "encrypted"),
        (8, "its size stands behind it"),
        (64, "packed in a way"),
    ):
        data[place] = flag
        refused(tried, bytes(data), f"card.json: .*{reason}")


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing(tried, how):
    refused(tried, zipped(all_files(), how), "packed in a way that bundles are not")


def test_data_before_between_and_after(tried):
    data = zipped(all_files())
    *_, count, length, start, _ = struct.unpack("<4s4H2LH", data[-22:])
    refused(tried, b"#!/bin/sh\n" + data, "not where it says")
    refused(tried, data + b"\n", "does not end as one does")
    refused(tried, data[:-22] + b"\0" + data[-22:], "not where it says")
    between = data[:start] + b"hidden" + data[start:-22] + end(count, length, start + 6)
    refused(tried, between, "belong to no file")
    refused(tried, data[:-2] + b"\x03\x00abc", "does not end as one does")
    refused(tried, data[:-2] + b"\x03\x00", "has a comment")
    with io.BytesIO() as out:
        with zipfile.ZipFile(out, "w") as archive:
            archive.comment = end(0, 0, 0)  # an archive within a comment, of no file
        refused(tried, out.getvalue(), "not where it says|belong to no file")
    refused(tried, data + data, "not where it says")


def test_a_header_with_another_name(tried):
    data = zipped(all_files())
    place = place_of(data, "card.json")
    changed = data[:place] + b"evil.json" + data[place + 9 :]
    refused(tried, changed, "card.json: the list of files says other things")
    changed = data[: place - 8] + struct.pack("<L", 5) + data[place - 4 :]
    refused(tried, changed, "card.json: the list of files says other things")


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_content_of_another_checksum(tried, how):
    log = b"".join(b'{"epoch":%d}\n' % n for n in range(999))
    data = zipped(all_files(files_with(**{LOG: log})), how)
    place = place_of(data, LOG) + len(LOG) + 200
    changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    refused(tried, changed, f"{LOG}: (damaged|it unpacks to more)")


def deflated_with(tail):
    """A deflated record.json, and what follows its end within its packed size."""
    files = all_files()
    data = zipped(files, zipfile.ZIP_DEFLATED)
    packer = zlib.compressobj(wbits=-15)
    own = packer.compress(files[RECORD]) + packer.flush()
    sizes = struct.pack("<L", len(own)), struct.pack("<L", len(own) + len(tail))
    place = place_of(data, RECORD)
    listed = data.rindex(RECORD.encode())
    out = bytearray(data)
    out[listed - 46 + 20 : listed - 46 + 24] = sizes[1]
    out[place - 30 + 18 : place - 30 + 22] = sizes[1]
    content = place + len(RECORD)
    assert out[content : content + len(own)] == own
    out[content + len(own) : content + len(own)] = tail
    start = struct.unpack("<L", out[-6:-2])[0]
    out[-6:-2] = struct.pack("<L", start + len(tail))
    later = start + len(tail)
    while out[later : later + 4] == b"PK\x01\x02":  # files behind it begin later
        length, offset = struct.unpack_from("<H", out, later + 28)[0], later + 42
        at = struct.unpack_from("<L", out, offset)[0]
        struct.pack_into("<L", out, offset, at + len(tail) * (at > place))
        later += 46 + length
    return bytes(out)


def test_data_behind_a_deflated_end(tried):
    assert tried(deflated_with(b""))
    refused(tried, deflated_with(b"x"), f"{RECORD}: damaged: it ends too early or too late")
    refused(tried, deflated_with(b"x" * (1 << 17)), f"{RECORD}: damaged: it ends")


def frame_of_zeros(size):
    """A frame of blocks that say, each: 128 KiB of the same byte (RFC 8878, 3.1.1.2)."""
    blocks = size >> 17
    block, last = (((1 << 17) << 3 | 1 << 1 | end).to_bytes(3, "little") + b"\0" for end in (0, 1))
    return b"\x28\xb5\x2f\xfd" + b"\0\x38" + block * (blocks - 1) + last


def test_predictions_that_decompress_to_ten_gigabytes(tried):
    one = zstandard.ZstdDecompressor().decompressobj()
    assert one.decompress(frame_of_zeros(1 << 20)) == bytes(1 << 20)
    assert one.eof
    frame = frame_of_zeros(10 << 30)
    assert len(frame) < 1 << 19
    files = all_files(files_with(**{DETECTIONS: frame}))
    refused(tried, zipped(files), f"{DETECTIONS}: more than [0-9]+ bytes out of {len(frame)}")


def test_a_long_list_of_nothing(tried):
    """It would take twenty times the memory of detections that are as long."""
    listed = b'{"image_ids":[],"detections":[' + b"[]," * 5_000_000 + b"[]]}"
    files = all_files(files_with(**{DETECTIONS: compressed(listed)}))
    refused(tried, zipped(files), f"{DETECTIONS}: (more than|no predictions)")


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (compressed(PREDICTIONS)[:-1], "ends too early or too late"),
        (compressed(PREDICTIONS) + b"x", "ends too early or too late"),
        (compressed(PREDICTIONS) * 2, "ends too early or too late"),
        (b"", "ends too early or too late"),
        (b"PK\x03\x04" + b"0" * 100, "damaged"),
        (compressed(b"[NaN]"), "no predictions|not valid JSON"),
        (compressed({**PREDICTIONS, "image_ids": ["1"]}), "no predictions"),
        (compressed(b'{"image_ids":[1],"image_ids":[2],"detections":[]}'), "stands twice"),
        # A window of 2 GiB, of which a decompressor would make room.
        (b"\x28\xb5\x2f\xfd\x00\xa8" + b"\x01\x00\x00", "damaged"),
    ],
)
def test_damaged_predictions(tried, frame, reason):
    files = all_files(files_with(**{DETECTIONS: frame}))
    refused(tried, zipped(files), f"{DETECTIONS}: .*({reason})")


@pytest.mark.parametrize("name", ["card.json", "suite.json", RECORD, LOG])
@pytest.mark.parametrize(
    "data", [b"{", b"\xff", b'{"a":NaN}', b'{"a":1,"a":2}', b"[" * 5000 + b"]" * 5000]
)
def test_json_of_several_meanings(tried, name, data):
    refused(tried, zipped(all_files(files_with(**{name: data}))), f"{name}.*: ")


def test_files_that_bundle_json_does_not_list(tried):
    files = all_files()
    rest = {name: data for name, data in files.items() if name != "bundle.json"}
    refused(tried, zipped(rest), "bundle.json is missing")
    refused(tried, zipped({**files, RECORD: b'{"status":"gone"}'}), "not the file that")
    refused(tried, zipped({**files, "method.py": b""}), "method.py")
    gone = {name: data for name, data in files.items() if name != LOG}
    refused(tried, zipped(gone), f"{LOG} is missing")
    other = LOG.replace(KEY, "f" * 16)
    refused(tried, zipped({**files, other: b"{}"}), f"{other} belongs to no run")


def test_what_is_no_archive(tried, tmp_path):
    for data in (b"", b"PK", b"x" * 100_000, b"\x1f\x8b" + b"0" * 100, b"PK\x05\x06" + bytes(18)):
        refused(tried, data, "no zip|bundle.json is missing")
    with pytest.raises(InputError, match="No such file"):
        unpacked(tmp_path / "none.zip", tmp_path / "a")
    with pytest.raises(InputError, match="folder or a device"):
        unpacked(tmp_path, tmp_path / "a")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    caught = []

    def wait():
        with pytest.raises(InputError, match="folder or a device") as error:
            unpacked(tmp_path / "pipe", tmp_path / "a")
        caught.append(error)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    thread.join(10)
    assert caught


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "b.zip").write_bytes(zipped(all_files()))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "card.json").write_text("mine")
    with pytest.raises(InputError, match="an empty folder"):
        unpacked(tmp_path / "b.zip", tmp_path / "full")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    with pytest.raises(InputError, match="an empty folder"):
        unpacked(tmp_path / "b.zip", tmp_path / "link")
    assert (tmp_path / "full" / "card.json").read_text() == "mine"
    assert list((tmp_path / "empty").iterdir()) == []


def test_cut_at_every_997th_byte(tried):
    files = files_with(**{LOG: b'{"epoch":1}\n' * 2000})
    data = zipped(all_files(files))
    assert tried(data)
    cuts = [*range(0, len(data), 997), *range(len(data) - 40, len(data))]
    assert len(cuts) > 60
    for cut in cuts:
        refused(tried, data[:cut], "no zip")


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_any_byte_changed_is_refused_or_says_the_same(tried, how):
    """Some bytes say nothing: a date, the version of who wrote it."""
    data, contents = zipped(all_files(), how), contents_of(files_with())
    generator = random.Random(17)
    accepted = 0
    for _ in range(300):
        place, changed = generator.randrange(len(data)), bytearray(data)
        changed[place] ^= 1 << generator.randrange(8)
        try:
            bundle = tried(bytes(changed))
        except InputError:
            continue
        accepted += 1
        assert bundle.contents == contents
        for name, content in all_files().items():
            assert (bundle.folder / name).read_bytes() == content
    assert accepted < 200
