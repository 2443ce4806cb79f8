import base64
import copy
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.image import imread, imsave
from PIL import Image

from noisyseg.errors import InputError
from noisyseg.results.figures.style import DPI
from noisyseg.results.report.noise_report import NoiseAudit, _expected_matrix, write_noise_report

SIDE = 64


def annotation(number, image, category, x=5, y=5):
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": [x, y, 20, 20],
        "segmentation": [[x, y, x + 20, y, x + 20, y + 20]],
    }


def documents(images=3, names=("cat", "dog")):
    clean = {
        "images": [
            {"id": n, "file_name": f"i{n}.png", "width": SIDE, "height": SIDE}
            for n in range(images)
        ],
        "annotations": [annotation(10 + n, n, 1) for n in range(images)],
        "categories": [{"id": n, "name": name} for n, name in enumerate(names, start=1)],
    }
    noisy = copy.deepcopy(clean)
    for entry in noisy["annotations"]:
        entry["category_id"] = 2
    return clean, noisy


def class_row(name, before, after, changed, **more):
    rate = changed / before if before else None
    return {
        **{"name": name, "before": before, "after": after, "matched": before, "changed": changed},
        **{"rate": rate, "interval": [0.25, 1.0] if before else None, "removed": 0, "added": 0},
        **more,
    }


def difference(clean, names=("cat", "dog"), **more):
    n, k = len(clean["annotations"]), len(names)
    rows = [class_row(names[0], n, 0, n), class_row(names[1], 0, n, 0)]
    rows += [class_row(name, 0, 0, 0) for name in names[2:]]
    return {
        **{"match": "id", "before": n, "after": n, "matched": n},
        **{"images": n, "images_by": "id and file name", "renumbered_images": []},
        **{"crowds_counted": False, "rate": 1.0, "interval": [0.25, 1.0], "classes": rows},
        "counts": [[0, n] + [0] * (k - 2)] + [[0] * k for _ in range(k - 1)],
        "matrix": [[0.0, 1.0] + [0.0] * (k - 2)] + [None] * (k - 1),
        "class_changes": [
            {"before_id": e["id"], "after_id": e["id"], "before": names[0], "after": names[1]}
            for e in clean["annotations"]
        ],
        **{"geometry_changes": [], "removed": [], "added": []},
        **more,
    }


MANIFEST = {
    "spec": {
        "seed": 17,
        "steps": [{"type": "symmetric", "version": 2, "rate": 0.4, "crowds": False}],
    },
    "steps": [
        {
            **{"type": "symmetric", "intended_rate": 0.4, "eligible": 50, "flipped": 21},
            **{"expected_flips": 20.0, "rate_of_eligible": 0.42, "rate_of_all": 0.21},
            "rate_of_eligible_interval": [0.2938, 0.5577],
            "detail": {"pairs": {"animal": ["cat", "dog"]}},
        }
    ],
}


def audit(clean, noisy, found, manifest=None, **more):
    return NoiseAudit(
        **{"clean_name": "clean.json", "noisy_name": "noisy.json", **more},
        clean=clean,
        noisy=noisy,
        difference=found,
        manifest=manifest,
    )


def write_images(folder, clean):
    folder.mkdir()
    for number, image in enumerate(clean["images"]):
        pixels = np.full((SIDE, SIDE, 3), (10 * number) % 200, dtype=np.uint8)
        imsave(folder / image["file_name"], pixels)
    return folder


class Page(HTMLParser):
    """The page's texts, its images, and whether every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.sources, self.tags = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for key, value in attrs if key in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def page_of(path):
    page = Page(path.read_text(encoding="utf-8"))
    assert page.open == []
    return page


def test_the_page_holds_its_figures_and_nothing_from_elsewhere(tmp_path):
    clean, noisy = documents()
    folder = write_images(tmp_path / "images", clean)
    out = tmp_path / "r.html"
    figures = write_noise_report(
        audit(clean, noisy, difference(clean), MANIFEST), out=out, images=folder
    )
    page = page_of(out)
    assert figures == tmp_path / "r_figures"
    files = {path.read_bytes() for path in figures.iterdir()}
    prefix = "data:image/png;base64,"
    assert all(source.startswith(prefix) for source in page.sources)
    assert {base64.b64decode(source[len(prefix) :]) for source in page.sources} == files
    assert {path.name for path in figures.iterdir()} == {
        *("rates.png", "transitions.png", "counts.png"),
        *("example_01.png", "example_02.png", "example_03.png"),
    }
    assert "script" not in page.tags
    assert not re.search(r"url\(|@import|https?:", out.read_text())


def test_the_page_says_what_was_intended_and_what_came_of_it(tmp_path):
    clean, noisy = documents()
    sums = {"clean file, SHA-256": "abc123"}
    out = tmp_path / "r.html"
    write_noise_report(audit(clean, noisy, difference(clean), MANIFEST, checksums=sums), out=out)
    text = page_of(out).text
    assert "100.0 % of the class labels differ" in text
    assert "Noise seed 17" in text
    assert "crowds: no; rate: 0.4" in text
    row = "1. symmetric 40.0 % 40.0 % 42.0 % 29.4 – 55.8 % yes 21 50 21.0 %"
    assert row in text
    assert "pairs → animal → cat, dog" in text
    assert "clean file, SHA-256 abc123" in text
    assert "No images are shown: no folder of images was given." in text


def test_equal_inputs_give_equal_bytes_whatever_the_user_s_matplotlib(tmp_path):
    import matplotlib

    clean, noisy = documents()
    folder = write_images(tmp_path / "images", clean)
    pages = []
    for name, size in (("a", 8.0), ("b", 20.0)):
        with matplotlib.rc_context({"font.size": size, "axes.facecolor": "black"}):
            (tmp_path / name).mkdir()
            out = tmp_path / name / "r.html"
            write_noise_report(
                audit(clean, noisy, difference(clean), MANIFEST), out=out, images=folder
            )
            assert matplotlib.rcParams["font.size"] == size
            pages.append(out.read_bytes())
    assert pages[0] == pages[1]


def test_names_are_text_not_markup(tmp_path):
    names = ("<script>alert(1)</script>", "a$b_{$ & 猫")
    clean, noisy = documents(images=1, names=names)
    clean["images"][0]["file_name"] = noisy["images"][0]["file_name"] = "<b>&.png"
    folder = write_images(tmp_path / "images", clean)
    out = tmp_path / "r.html"
    write_noise_report(
        audit(clean, noisy, difference(clean, names), noisy_name="<i>.json"), out=out, images=folder
    )
    page = page_of(out)
    assert not {"script", "b", "i"} & set(page.tags)
    assert f"{names[0]} → {names[1]}" in page.text
    assert "<b>&.png" in page.text
    assert "<i>.json" in page.text


def test_the_flipped_annotation_is_outlined_where_it_is(tmp_path):
    clean, noisy = documents(images=1)
    folder = write_images(tmp_path / "images", clean)
    figures = write_noise_report(
        audit(clean, noisy, difference(clean)), out=tmp_path / "r.html", images=folder
    )
    pixels = imread(figures / "example_01.png")[:, :, :3]
    scale = pixels.shape[1] / SIDE
    pink = np.abs(pixels - np.array([0xE6, 0x00, 0x7E]) / 255).sum(axis=2) < 0.1
    rows, columns = np.nonzero(pink)
    assert abs(columns.min() / scale - 5) < 0.7  # the left edge of box and mask
    assert abs(rows.max() / scale - 25) < 0.7  # their lower end
    assert not pink[int(30 * scale) :].any()


def test_at_most_24_images_evenly_spread_and_the_same_ones(tmp_path):
    clean, noisy = documents(images=60)
    folder = write_images(tmp_path / "images", clean)
    out = tmp_path / "r.html"
    write_noise_report(audit(clean, noisy, difference(clean)), out=out, images=folder)
    shown = re.findall(r"<figcaption>i(\d+)\.png", out.read_text())
    assert len(shown) == 24
    steps = np.diff([int(number) for number in shown])
    assert set(steps.tolist()) == {2, 3}
    assert "24 of 60 images with changed annotations" in page_of(out).text


def test_images_that_are_not_there_or_not_images_are_skipped_in_words(tmp_path):
    clean, noisy = documents(images=4)
    folder = write_images(tmp_path / "images", clean)
    (folder / "i0.png").unlink()
    (folder / "i1.png").write_bytes(b"no image")
    out = tmp_path / "r.html"
    figures = write_noise_report(audit(clean, noisy, difference(clean)), out=out, images=folder)
    assert "1 of them are not in the folder of images. 1 could not be read." in page_of(out).text
    assert len(list(figures.glob("example_*.png"))) == 2


def turned_picture(folder, suffix):
    """A picture 64 × 64 but stored so that EXIF turns it: orange where the annotation is."""
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[40:60, 5:25] = (255, 140, 0)  # (x, y) of it once turned: 5 to 25, 5 to 25 ...
    exif = Image.Exif()
    exif[0x0112] = 6  # ... by a quarter clockwise: of the column x = 5 … 25, now y; 63 - y is x
    Image.fromarray(pixels).save(folder / f"i0{suffix}", exif=exif, quality=95)


def test_a_photo_is_shown_turned_as_training_reads_it(tmp_path):
    clean, noisy = documents(images=1)
    for document in (clean, noisy):
        document["images"][0]["file_name"] = "i0.jpg"
    (tmp_path / "images").mkdir()
    turned_picture(tmp_path / "images", ".jpg")
    out = tmp_path / "r.html"
    figures = write_noise_report(
        audit(clean, noisy, difference(clean)), out=out, images=tmp_path / "images"
    )
    shown = imread(figures / "example_01.png")[:, :, :3]
    scale = shown.shape[1] / SIDE

    def colour(x, y):
        return shown[int(y * scale), int(x * scale)] * 255

    assert colour(15, 17) == pytest.approx((255, 140, 0), abs=20)
    assert colour(15, 50) == pytest.approx((0, 0, 0), abs=20)
    assert colour(45, 15) == pytest.approx((0, 0, 0), abs=20)


def test_a_picture_of_another_size_is_not_shown(tmp_path):
    clean, noisy = documents(images=2)
    folder = write_images(tmp_path / "images", clean)
    Image.new("RGB", (SIDE, SIDE + 1)).save(folder / "i0.png")
    out = tmp_path / "r.html"
    figures = write_noise_report(audit(clean, noisy, difference(clean)), out=out, images=folder)
    assert "1 have another size, as training reads them, than" in page_of(out).text
    assert len(list(figures.glob("example_*.png"))) == 1


def test_an_added_annotation_of_a_renumbered_image_is_drawn_on_its_image(tmp_path):
    clean, noisy = documents(images=2)
    folder = write_images(tmp_path / "images", clean)
    noisy["annotations"].append(annotation(99, 1, 1, x=30))
    for image in noisy["images"]:
        image["id"] = 1 - image["id"]
    for entry in noisy["annotations"]:
        entry["image_id"] = 1 - entry["image_id"]
    renumbered = [{"before_id": n, "after_id": 1 - n} for n in (0, 1)]
    found = difference(clean, added=[99], renumbered_images=renumbered)
    out = tmp_path / "r.html"
    write_noise_report(audit(clean, noisy, found), out=out, images=folder)
    assert "i0.png: cat → dog i1.png: cat → dog; added: cat" in page_of(out).text


@pytest.mark.parametrize("name", ["../i0.png", "{root}/i0.png", "x" * 300 + ".png", "nul\0.png"])
def test_no_image_outside_the_folder_is_shown(tmp_path, name):
    clean, noisy = documents(images=1)
    folder = write_images(tmp_path / "images", clean)
    (folder / "i0.png").rename(tmp_path / "i0.png")
    for document in (clean, noisy):
        document["images"][0]["file_name"] = name.format(root=tmp_path)
    out = tmp_path / "r.html"
    figures = write_noise_report(audit(clean, noisy, difference(clean)), out=out, images=folder)
    assert "1 of them are not in the folder of images." in page_of(out).text
    assert list(figures.glob("example_*.png")) == []


def test_the_expected_figure_is_of_all_steps_together():
    first, second = [[0.6, 0.4], [0.0, 1.0]], [[0.5, 0.5], [0.25, 0.75]]
    steps = [{"expected_matrix": first}, {"type": "scale"}, {"expected_matrix": second}]
    # By hand: 0.6 · 0.5 + 0.4 · 0.25 = 0.4; the second class is only changed by the second step.
    found = _expected_matrix({"steps": steps})
    assert np.allclose(found, [[0.4, 0.6], [0.25, 0.75]], rtol=0, atol=1e-15)
    assert _expected_matrix({"steps": [*steps, {"expected_matrix": None}]}) is None
    assert _expected_matrix({"steps": [{"type": "scale"}]}) is None
    assert _expected_matrix(None) is None


def test_long_class_names_are_cut_in_figures_and_whole_on_the_page(tmp_path):
    names = ("c" * 400, "dog")
    clean, noisy = documents(images=1)
    out = tmp_path / "r.html"
    figures = write_noise_report(
        audit(clean, noisy, difference(clean, names=names)), out=out, images=None
    )
    assert names[0] in page_of(out).text
    assert imread(figures / "counts.png").shape[1] / DPI < 11  # inches


def test_without_a_manifest_it_says_so(tmp_path):
    clean, noisy = documents()
    figures = write_noise_report(audit(clean, noisy, difference(clean)), out=tmp_path / "r.html")
    text = page_of(tmp_path / "r.html").text
    assert "No manifest was given" in text
    assert "Intended, expected" not in text
    assert not (figures / "rates.png").exists()


def test_shapes_and_presence(tmp_path):
    clean, noisy = documents()
    mask = {"size": [SIDE, SIDE], "counts": [0, SIDE * 20, SIDE * (SIDE - 20)]}
    noisy["annotations"][1] = {**clean["annotations"][1], "segmentation": mask}
    noisy["annotations"][2] = annotation(99, 2, 2)
    found = difference(
        clean,
        class_changes=[],
        geometry_changes=[
            {"before_id": 11, "after_id": 11, "fields": ["segmentation"], "iou": 0.25},
            {"before_id": 10, "after_id": 10, "fields": ["bbox"], "iou": 0.75},
        ],
        removed=[12],
        added=[99],
    )
    folder = write_images(tmp_path / "images", clean)
    out = tmp_path / "r.html"
    figures = write_noise_report(audit(clean, noisy, found), out=out, images=folder)
    text = page_of(out).text
    assert "2 annotations have another shape" in text
    assert "0.500 on average" in text
    assert "cat, IoU 0.25" in text
    assert "removed: cat; added: dog" in text
    assert (figures / "overlaps.png").exists()
    assert len(list(figures.glob("example_*.png"))) == 3


def test_eighty_classes_and_nothing_in_common(tmp_path):
    names = tuple(f"class {n}" for n in range(80))
    clean, noisy = documents(names=names)
    write_noise_report(audit(clean, noisy, difference(clean, names)), out=tmp_path / "r.html")
    page = page_of(tmp_path / "r.html")
    assert all(f"{name} " in page.text for name in names)
    empty = difference(clean, matched=0, rate=None, interval=None, class_changes=[])
    write_noise_report(audit(clean, noisy, empty), out=tmp_path / "e.html")
    assert "no annotation in common" in page_of(tmp_path / "e.html").text


def test_figures_of_an_earlier_report_go_and_other_files_stay(tmp_path):
    clean, noisy = documents()
    folder = write_images(tmp_path / "images", clean)
    out = tmp_path / "r.html"
    figures = write_noise_report(audit(clean, noisy, difference(clean)), out=out, images=folder)
    (figures / "mine.png").write_bytes(b"")
    write_noise_report(audit(clean, noisy, difference(clean)), out=out)
    assert {path.name for path in figures.iterdir()} == {
        "counts.png",
        "transitions.png",
        "mine.png",
    }


def test_a_folder_is_no_page(tmp_path):
    clean, noisy = documents()
    with pytest.raises(InputError, match="is a folder"):
        write_noise_report(audit(clean, noisy, difference(clean)), out=tmp_path)
    assert list(tmp_path.parent.glob("*_figures")) == []


def test_figures_have_the_size_of_their_inches_and_the_page_a_dark_scheme(tmp_path):
    clean, noisy = documents(images=1)
    out = tmp_path / "r.html"
    write_noise_report(audit(clean, noisy, difference(clean)), out=out, images=None)
    text = out.read_text(encoding="utf-8")
    widths = [int(width) for width in re.findall(r'<img class="figure" width="(\d+)"', text)]
    assert widths
    assert round(8.2 * 96) in widths  # of the counts
    assert "@media screen and (prefers-color-scheme: dark)" in text
    styles = re.findall(r"<style>(.*?)</style>", text, flags=re.DOTALL)[0]
    assert not re.search(r"#[0-9a-f]{3,6}\b", re.sub(r":root \{.*?\}", "", styles, flags=re.DOTALL))
