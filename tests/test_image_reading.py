import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from noisyseg.image_reading import UndecodedError, as_read, brightest_if_black, decoded

WIDTH, HEIGHT = 20, 12


def picture(mode="RGB"):
    values = np.random.RandomState(0).randint(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    return Image.fromarray(values).convert(mode)


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def by_opencv(extension, dtype, channels=1, value=100):
    done, data = cv2.imencode(extension, np.full((HEIGHT, WIDTH, channels), value, dtype))
    assert done
    return data.tobytes()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with(kind, data, *, late):
    whole = saved(picture(), "PNG")
    place = len(whole) - 12 if late else 33  # before the end mark, or behind the header
    return whole[:place] + chunk(kind, data) + whole[place:]


def tiff_header(order, kind, count=1, orientation=6):
    mark = {"<": b"II", ">": b"MM"}[order]
    value = struct.pack(order + {1: "B", 3: "H", 4: "I"}[kind], orientation).ljust(4, b"\0")
    entry = struct.pack(order + "HHI", 0x0112, kind, count) + value
    return mark + struct.pack(order + "HIH", 42, 8, 1) + entry + bytes(4)


def jpeg_with(*exifs):
    whole = saved(picture(), "JPEG")
    segments = (b"Exif\0\0" + data for data in exifs)
    parts = [b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data for data in segments]
    return whole[:2] + b"".join(parts) + whole[2:]


XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)
DEEP = np.full((HEIGHT, WIDTH), 4000, np.uint16)  # a camera's 12 bits


def files():
    """Image files of every kind that OpenCV reads, by what is special about them."""
    for number in range(9):
        for kind in ("JPEG", "PNG", "TIFF", "WEBP", "MPO", "GIF", "BMP"):
            options = {"exif": exif(number)} if number else {}
            yield f"{kind}, orientation {number}", saved(picture(), kind, **options)
    for number in (3, 6, 8):
        yield f"16 bits TIFF {number}", saved(Image.fromarray(DEEP), "TIFF", exif=exif(number))
        yield f"16 bits PNG {number}", saved(Image.fromarray(DEEP), "PNG", exif=exif(number))
        yield f"palette PNG {number}", saved(picture("P"), "PNG", exif=exif(number))
        yield f"LZW TIFF {number}", saved(picture(), "TIFF", tiffinfo={0x0112: number})
    two = {"save_all": True, "append_images": [picture().rotate(90, expand=True)]}
    yield "TIFF of two pages, turned", saved(picture(), "TIFF", tiffinfo={0x0112: 6}, **two)
    for kind in ("TIFF", "GIF", "WEBP", "PNG", "MPO"):
        yield f"{kind} of two pictures", saved(picture(), kind, save_all=True)
    for mode in ("1", "L", "LA", "P", "RGBA"):
        yield f"PNG {mode}", saved(picture(mode), "PNG")
    for mode in ("1", "L", "LA", "P", "CMYK", "YCbCr", "LAB"):
        yield f"TIFF {mode}", saved(picture(mode), "TIFF")
    yield "fax TIFF", saved(picture("1"), "TIFF", compression="group4")
    yield "1 bit BMP", saved(picture("1"), "BMP")
    yield "CMYK JPEG", saved(picture("CMYK"), "JPEG")
    yield "grey JPEG", saved(picture("L"), "JPEG")
    yield "PNG, a colour transparent", saved(picture(), "PNG", transparency=(1, 2, 3))
    yield "PPM", saved(picture(), "PPM")
    turned = tiff_header(">", 3)
    for late in (False, True):
        yield f"PNG, eXIf late: {late}", png_with(b"eXIf", turned, late=late)
    profile = f"\nexif\n{len(turned) + 6:8}\n{(b'Exif' + bytes(2) + turned).hex()}\n".encode()
    text = b"Raw profile type exif\0\0" + zlib.compress(profile)  # ImageMagick's; Pillow reads it
    yield "PNG, EXIF in a text", png_with(b"zTXt", text, late=False)
    yield "JPEG turned by XMP alone", saved(picture(), "JPEG", xmp=XMP)
    for order in "<>":
        for kind in (1, 3, 4):
            yield f"JPEG, type {kind} {order}", jpeg_with(tiff_header(order, kind))
            data = tiff_header(order, kind)
            yield f"PNG, type {kind} {order}", png_with(b"eXIf", data, late=False)
    for number in (0, 9, 6000):
        yield f"JPEG {number}", jpeg_with(tiff_header(">", 3, orientation=number))
    yield "JPEG, two values", jpeg_with(tiff_header(">", 3, count=2))
    yield "JPEG, EXIF cut short", jpeg_with(turned[:14])
    yield "JPEG, EXIF of nonsense", jpeg_with(b"nonsense" * 4)
    whole = jpeg_with(turned)
    yield "JPEG, filled before a marker", whole[:2] + bytes([255] * 3) + whole[2:]
    plain, segment = saved(picture(), "JPEG"), whole[2 : 2 + len(turned) + 10]
    end = plain.index(b"\xff\xc0") + 19  # of the frame of three components
    yield "JPEG, EXIF behind its frame", plain[:end] + segment + plain[end:]
    yield "progressive JPEG", saved(picture(), "JPEG", progressive=True, exif=exif(6))
    yield "JPEG, empty EXIF", jpeg_with(b"")
    for numbers in ((6, 1), (1, 6)):
        both = (tiff_header(">", 3, orientation=number) for number in numbers)
        yield f"JPEG, EXIF twice {numbers}", jpeg_with(*both)
    for dtype in (np.uint8, np.uint16, np.int16):
        yield f"TIFF of three {dtype.__name__}", by_opencv(".tif", dtype, 3)
    yield "PGM of 16 bits", by_opencv(".pgm", np.uint16)
    try:
        yield "AVIF", saved(picture(), "AVIF", exif=exif(6))
    except (KeyError, OSError):
        return  # Pillow was built without


FILES = dict(files())


@pytest.mark.parametrize("name", FILES)
def test_the_size_is_the_one_that_opencv_decodes(name):
    height, width = cv2.imdecode(np.frombuffer(FILES[name], np.uint8), cv2.IMREAD_COLOR).shape[:2]
    found = as_read(io.BytesIO(FILES[name]))
    assert found.size == (width, height)
    assert decoded(FILES[name]).shape == (height, width, 3)


def test_those_that_opencv_turns_by_a_quarter():
    """As seen with OpenCV 4.12; a release that turns WebP, too, would be followed."""
    for number in range(5, 9):
        for kind in ("JPEG", "PNG", "TIFF", "MPO"):
            found = as_read(io.BytesIO(FILES[f"{kind}, orientation {number}"]))
            assert found.size == (HEIGHT, WIDTH)
    assert as_read(io.BytesIO(FILES["JPEG, orientation 3"])).orientation == 3


@pytest.mark.parametrize("name", ["JPEG, orientation 6", "PNG, orientation 6", "16 bits PNG 3"])
def test_photos_are_not_decoded_to_learn_their_size(name, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", None)
    as_read(io.BytesIO(FILES[name]))


@pytest.mark.parametrize(
    "content",
    [
        by_opencv(".tif", np.float32, 1, 0.5),
        by_opencv(".tif", np.float64, 3, 0.5),
        by_opencv(".tif", np.int32),
        by_opencv(".pfm", np.float32, 1, 0.5),
        saved(Image.fromarray(np.full((HEIGHT, WIDTH), 0.5, np.float32)), "TIFF"),
        saved(picture(), "TGA"),
        saved(picture(), "ICO", sizes=[(8, 8)]),
        b"no image",
        b"",
    ],
)
def test_what_opencv_cannot_decode_is_refused_without_a_word_of_its_own(content, capfd):
    with pytest.raises(UndecodedError):
        as_read(io.BytesIO(content))
    with pytest.raises(UndecodedError):
        decoded(content)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("cut", [8, 20, 60, -4])
def test_a_png_that_is_cut_short_is_refused(cut):
    with pytest.raises(ValueError, match=r"cut short"):
        as_read(io.BytesIO(FILES["PNG, orientation 6"][:cut]))


@pytest.mark.parametrize(
    ("content", "brightest"),  # 4000 // 256 = 15, 1000 // 256 = 3, 16383 // 256 = 63
    [
        (saved(Image.fromarray(DEEP), "PNG"), 15),
        (saved(Image.fromarray(DEEP), "TIFF"), 15),
        (by_opencv(".png", np.uint16, 3, 1000), 3),
        (by_opencv(".pgm", np.uint16, 1, 16383), 63),
        (by_opencv(".png", np.uint16, 3, 16384), None),
        (by_opencv(".tif", np.uint8, 3, 2), None),  # dark, but no deeper than it is read
        (saved(picture(), "PNG"), None),
    ],
)
def test_deep_images_that_are_read_as_nearly_black(content, brightest):
    assert brightest_if_black(content) == brightest


@pytest.mark.parametrize("ending", [".tif", ".hdr", ".pfm"])
@pytest.mark.parametrize("most", [1.0, 255.0])
def test_pixels_of_floats_are_refused_whatever_opencv_makes_of_them(ending, most):
    values = np.linspace(0, most, 300, dtype=np.float32).reshape(10, 10, 3)
    written, content = cv2.imencode(ending, values)
    assert written
    with pytest.raises(UndecodedError):
        as_read(io.BytesIO(content.tobytes()))
