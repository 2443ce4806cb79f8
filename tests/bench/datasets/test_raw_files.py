from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from noisyseg.bench.datasets.raw_files import (
    image_size,
    integer_image,
    mat_content,
    palette_image,
    xml_root,
)
from noisyseg.errors import InputError

SHAPE = (11, 17)  # height, width
RANDOM = np.random.RandomState(0)
INDICES = RANDOM.randint(0, 256, SHAPE).astype(np.uint8)
IDS = RANDOM.randint(0, 34_000, SHAPE).astype(np.uint16)


def save_palette(path):
    image = Image.fromarray(INDICES)
    image.putpalette(bytes(range(256)) * 3)
    image.save(path)


def save_ids(path):
    Image.fromarray(IDS).save(path)


def refused(read, path):
    """The message of the error that names the file."""
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_size_is_width_and_height(tmp_path, name):
    Image.new("RGB", (17, 11)).save(tmp_path / name)
    assert image_size(tmp_path / name) == (17, 11)


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_an_image_that_was_cut_is_refused_wherever_it_was(tmp_path, name):
    path = tmp_path / name
    Image.new("RGB", (17, 11)).save(path)
    content = path.read_bytes()
    for length in range(len(content) - 8):  # the end mark of a PNG is 8 bytes of the last 12
        path.write_bytes(content[:length])
        refused(image_size, path)


def test_bytes_after_the_end_mark_are_no_fault(tmp_path):
    path = tmp_path / "a.jpg"
    Image.new("RGB", (17, 11)).save(path)
    path.write_bytes(path.read_bytes() + b"\0" * 8)
    assert image_size(path) == (17, 11)


READERS = [image_size, palette_image, integer_image, xml_root, mat_content]


@pytest.mark.parametrize("read", READERS)
def test_absent_empty_and_unfit_files_are_named(tmp_path, read):
    path = tmp_path / "a"
    assert "is not there" in refused(read, path)
    path.write_bytes(b"")
    assert "unpack it again" in refused(read, path)
    path.write_bytes(b"<html>404 Not Found")
    assert "unpack it again" in refused(read, path)
    path.unlink()
    path.mkdir()
    assert "cannot read" in refused(read, path)


@pytest.mark.parametrize("read", READERS)
def test_a_disk_that_fails_is_not_taken_for_a_damaged_file(read):
    """Reading the memory of this very process from 0 fails as a disk does: EIO."""
    with pytest.raises(InputError, match=r"cannot read /proc/self/mem, .*: Input/output error"):
        read(Path("/proc/self/mem"))


def test_labels_are_read_as_they_are(tmp_path):
    save_palette(tmp_path / "p.png")
    save_ids(tmp_path / "i.png")
    assert np.array_equal(palette_image(tmp_path / "p.png"), INDICES)
    assert np.array_equal(integer_image(tmp_path / "i.png"), IDS)


@pytest.mark.parametrize(
    ("save", "read", "true"),
    [(save_palette, palette_image, INDICES), (save_ids, integer_image, IDS)],
)
def test_no_damage_changes_a_label_in_silence(tmp_path, save, read, true):
    """Each byte is changed, and each tail lost or zeroed; Pillow alone reads hundreds of these."""
    path = tmp_path / "a.png"
    save(path)
    content = path.read_bytes()
    refusals = 0
    for place in range(len(content)):
        head, tail = content[:place], content[place:]
        for damaged in (head, head + bytes(len(tail)), head + bytes([tail[0] ^ 90]) + tail[1:]):
            path.write_bytes(damaged)
            try:
                values = read(path)
            except InputError:
                refusals += 1
            else:
                assert np.array_equal(values, true)
    assert refusals > 2.9 * len(content)


def test_labels_in_colours_are_refused(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (17, 11)).save(path)
    assert "got mode RGB: it was converted" in refused(palette_image, path)
    assert "got mode RGB" in refused(integer_image, path)
    save_ids(path)
    assert "wanted a PNG with a palette" in refused(palette_image, path)
    Image.new("L", (17, 11)).save(path, format="JPEG")
    refused(palette_image, path)
    refused(integer_image, path)


@pytest.mark.parametrize("compressed", [True, False])
def test_a_whole_mat_file_is_given_as_it_is(tmp_path, compressed):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"one": INDICES, "two": {"x": IDS}}, do_compression=compressed)
    assert mat_content(path).getvalue() == path.read_bytes()


def test_no_damage_to_a_mat_file_reaches_scipy(tmp_path):
    """Behind its header, of which only the byte order matters, every byte is under a checksum."""
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"one": INDICES}, do_compression=True)
    content = path.read_bytes()
    for place in range(126, len(content)):
        head, tail = content[:place], content[place:]
        damage = [head[:-1], head + bytes(len(tail))] if any(tail) else []
        for damaged in (*damage, head + bytes([tail[0] ^ 90]) + tail[1:]):
            path.write_bytes(damaged)
            if damaged[126:]:
                refused(mat_content, path)


def test_an_uncompressed_mat_file_that_was_cut_is_refused(tmp_path):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"one": INDICES})
    path.write_bytes(path.read_bytes()[:-5])
    assert "cut short" in refused(mat_content, path)


def test_an_xml_file_is_parsed(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text("<annotation><object/></annotation>")
    assert xml_root(path).tag == "annotation"
    path.write_text("<annotation><object/>")
    assert "no element found" in refused(xml_root, path)


BOMB = """<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a>&y;</a>"""


@pytest.mark.parametrize("text", [BOMB, '<?xml version="1.0"?><!DOCTYPE a SYSTEM "x.dtd"><a/>'])
def test_an_xml_file_with_a_document_type_is_refused(tmp_path, text):
    path = tmp_path / "a.xml"
    path.write_text(text)
    assert "declares a document type" in refused(xml_root, path)


def test_ids_of_eight_bits_are_refused(tmp_path):
    path = tmp_path / "ids.png"
    Image.fromarray(np.full((4, 5), 26, np.uint8)).save(path)
    with pytest.raises(InputError, match="wanted a grey PNG of 16 bits"):
        integer_image(path)
