"""The site as files: the same bytes again, links that lead somewhere, strangers' texts as text."""

import csv
import io
import json
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest

from benchmarks.leaderboard_entries import made_entry
from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes
from noisyseg.results.leaderboard.entry import BundleFile, Protocol, write_entry
from noisyseg.results.leaderboard.site.building import build_site, write_snapshot
from noisyseg.results.leaderboard.site.setting_page import Described
from noisyseg.results.leaderboard.site.templates import address

HOSTILE = {
    "name": "<script>alert(1)</script>",
    "summary": '"><img src=x onerror=alert(1)>',
    "authors": ["</td><b>a</b>", "{{ 7 * 7 }}", "\\input{x}"],
    "paper": {"title": "<i>t</i>", "url": "https://a.example/?a=1&b=(x)", "year": 2021},
    "licence": "<style>body{display:none}</style>",
    "tuned_on": "&lt;b&gt; **bold** [a](javascript:x)",
    "extra_data": "<svg onload=alert(1)>",
}
GROUND = "shapes-mask-rcnn-tiny-shapes-cpu-01234567"


def describe(noise, classes):
    return Described(
        steps=[f"{noise['steps'][0]['type']} noise of {len(classes)} classes"],
        matrix={name: [float(name == other) for other in classes] for name in classes},
        spec="- {type: symmetric}",
    )


def published(folder, entries):
    for entry in entries:
        write_entry(folder / "entries" / entry.id, entry)
    return folder


@pytest.fixture(scope="module")
def entries():
    bundle = b"not really a zip"
    hostile = made_entry("hostile")
    hostile.card.update(HOSTILE)
    with_bundle = made_entry(
        "gce", bundle=BundleFile(sha256=sha256_bytes(bundle), bytes=len(bundle), included=True)
    )
    old = made_entry(
        "ce", spread=1, ground="f" * 16, protocol=Protocol(name="shapes-cpu", version=1)
    )
    few = made_entry("few", seeds=[0])
    imported = made_entry("formula", kind="imported", levels={"clean": 30.0})
    imported.card["name"] = '=HYPERLINK("http://x")'
    return [made_entry("ce", seeds=range(5)), with_bundle, hostile, old, few, imported]


@pytest.fixture(scope="module")
def site(entries, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    published(folder / "published", entries)
    (folder / "published" / "entries" / entries[1].id / "bundle.zip").write_bytes(
        b"not really a zip"
    )
    build_site(folder / "published", folder / "out", describe)
    return folder / "out"


class Seen(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def pages(site):
    return sorted(site.rglob("*.html"))


def rows_of(path):
    """The cells of a page's table, as text."""
    found, text = [], Path(path).read_text(encoding="utf-8")
    for row in text.split("<tr")[1:]:
        seen = HTMLParserText()
        seen.feed("<tr" + row)
        found.append(seen.cells)
    return found


class HTMLParserText(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data):
        if self.cells:
            self.cells[-1] += data


def test_every_link_leads_to_a_file_of_the_site_or_to_a_checked_address(site):
    outside = set()
    for page in pages(site):
        seen = Seen(page)
        for link in [tag["href"] for tag in seen.all("a") + seen.all("link")]:
            if link.startswith(("#", "data:")):
                continue
            if "//" in link:
                outside.add(link)
            else:
                assert (page.parent / link.partition("#")[0]).resolve().is_file(), (page, link)
        for script in seen.all("script"):
            assert (page.parent / script["src"]).resolve() == (site / "board.js").resolve()
    assert outside == {
        "https://example.org/paper", "https://example.org/code",
        "https://doi.org/10.1007/978-3-030-58568-6_3",
        "https://a.example/?a=1&b=(x)",
    }  # fmt: skip


def test_no_page_has_a_style_a_script_or_a_handler_inside(site):
    for page in pages(site):
        seen = Seen(page)
        assert [tag for tag, _ in seen.tags if tag in ("style", "iframe", "object", "img")] == []
        for _, attributes in seen.tags:
            assert not [name for name in attributes if name.startswith("on") or name == "style"]
        policy = [tag["content"] for tag in seen.all("meta") if tag.get("http-equiv")]
        assert len(policy) == 1
        assert policy[0].startswith("default-src 'none'; style-src 'self'; script-src 'self';")


def test_what_strangers_wrote_is_shown_as_text(site, entries):
    page = site / "methods" / f"{entries[2].id}.html"
    seen = Seen(page)
    for text in (
        HOSTILE["name"], HOSTILE["summary"], *HOSTILE["authors"],
        HOSTILE["licence"], HOSTILE["tuned_on"], HOSTILE["extra_data"], "<i>t</i>",
    ):  # fmt: skip
        assert text in seen.text
    assert not [a["href"] for a in seen.all("a") if "javascript" in a["href"] or "'" in a["href"]]
    outside = [a for a in Seen(site / "methods" / f"{entries[0].id}.html").all("a") if "rel" in a]
    assert {a["rel"] for a in outside} == {"noopener noreferrer nofollow"}


def test_a_board_shows_the_numbers_of_its_entries(site, entries):
    page = site / "boards" / GROUND / "clean.html"
    shown = {cells[2].split(" ")[0]: cells for cells in rows_of(page) if len(cells) > 10}
    own = [run.metrics["segm.AP"] for run in entries[0].settings["clean"].runs]
    assert shown["ce"][3] == f"{sum(own) / 5:.1f}"
    assert shown["ce"][6] == "5"
    assert shown["few"][0] == shown["few"][1] == "—"
    assert shown["few"][4:7] == ["—", "—", "1"]
    text = Seen(page).text
    assert "Provisional: fewer than 3 seeds" in text
    assert "the AP is recomputed, the training unknown" in text
    assert "Noise floor:" in text
    agnostic = [run.metrics["agnostic.AP"] for run in entries[0].settings["clean"].runs]
    assert f"{sum(agnostic) / 5:.1f}" in shown["ce"]


def test_what_became_of_wrong_labels_stands_beside_ap_where_there_are_some(site, entries):
    heads = rows_of(site / "boards" / GROUND / "sym40.html")[0]
    place = heads.index("Memorised")
    shown = rows_of(site / "boards" / GROUND / "sym40.html")
    row = next(cells for cells in shown if len(cells) > 10 and cells[2] == "ce")
    own = [run.metrics["memorised"] for run in entries[0].settings["sym40"].runs]
    assert row[place] == f"{sum(own) / 5:.1f}"
    assert "Memorised" not in rows_of(site / "boards" / GROUND / "clean.html")[0]
    assert "claimed by the logs" in Seen(site / "boards" / GROUND / "sym40.html").text


def test_what_is_missing_has_a_dash_and_no_mean_over_it(site):
    cells = {
        row[0].split("(")[0].strip(): row for row in rows_of(site / "boards" / f"{GROUND}.html")
    }
    row = next(own for name, own in cells.items() if name.startswith("=HYPERLINK"))
    assert row[1] == "1 of 3"
    assert row[3] != "—"
    assert row[4:6] == ["—", "—"]
    assert "There is no mean over settings" in Seen(site / "boards" / f"{GROUND}.html").text


def test_archived_entries_have_pages_of_their_own(site, entries):
    (page,) = (site / "boards" / "shapes-mask-rcnn-tiny-shapes-cpu-ffffffff").glob("clean.html")
    assert "Archived: of an older version" in Seen(page).text
    assert entries[3].id not in (site / "boards" / GROUND / "clean.html").read_text()


def test_a_method_page_has_every_run_with_key_and_hashes_and_how_to_reproduce_it(site, entries):
    entry = entries[1]
    seen = Seen(site / "methods" / f"{entry.id}.html")
    for setting in entry.settings.values():
        for run in setting.runs:
            assert run.key in seen.text
            assert all(value in seen.text for value in run.checksums.values() if value)
    assert f"../bundles/{entry.id}.zip" in [a["href"] for a in seen.all("a")]
    assert (site / "bundles" / f"{entry.id}.zip").read_bytes() == b"not really a zip"
    assert f"noisyseg leaderboard reproduce {entry.id}.zip --key" in seen.text
    curves = [svg["aria-label"] for svg in seen.all("svg")]
    assert [label.split(":")[0] for label in curves] == [
        "Mask AP by the rate of symmetric noise", "Mask AP by the rate of asymmetric noise",
    ]  # fmt: skip


def test_a_setting_page_says_what_the_noise_is_and_what_comes_out(site, entries):
    seen = Seen(site / "settings" / GROUND / "sym40.html")
    assert "symmetric noise of 4 classes" in seen.text
    assert "noisyseg noise make --annotations train.json --spec noise.yaml --seed 0" in seen.text
    manifests = {run.checksums["manifest"] for run in entries[0].settings["sym40"].runs}
    assert len(manifests) == 5
    assert all(value in seen.text for value in manifests)
    assert "Clean labels" in Seen(site / "settings" / GROUND / "clean.html").text


def test_json_and_csv_say_the_same_as_the_entries(site, entries):
    board = json.loads((site / "data/boards" / GROUND / "sym40.json").read_bytes())
    row = next(row for row in board["rows"] if row["entry"] == entries[0].id)
    own = [run.metrics["segm.AP"] for run in entries[0].settings["sym40"].runs]
    assert row["mean"] == pytest.approx(sum(own) / 5, abs=1e-12)
    assert row["rank_low"] >= 1
    assert board["noise"]["steps"][0]["rate"] == 0.4
    text = (site / "data/boards" / GROUND / "sym40.csv").read_text()
    line = next(
        line for line in csv.DictReader(io.StringIO(text)) if line["entry"] == entries[0].id
    )
    assert float(line["mean"]) == row["mean"]
    runs = list(
        csv.DictReader(io.StringIO((site / "data/runs" / GROUND / "sym40.csv").read_text()))
    )
    assert [float(r["segm.AP"]) for r in runs if r["entry"] == entries[0].id] == own
    whole = json.loads((site / "data/entries" / f"{entries[0].id}.json").read_bytes())
    assert whole["settings"]["sym40"]["runs"][0]["metrics"]["segm.AP"] == own[0]
    assert whole["settings"]["sym40"]["runs"][0]["draws"] is None
    short = json.loads((site / "data/entries.json").read_bytes())["entries"]
    assert {entry.id for entry in entries} < {entry["id"] for entry in short}


def test_no_cell_of_a_csv_is_a_formula(site):
    for path in site.rglob("*.csv"):
        for line in csv.reader(io.StringIO(path.read_text(encoding="utf-8"))):
            assert not [cell for cell in line if cell.startswith(("=", "+", "-", "@", "\t"))]
    text = (site / "data/boards" / GROUND / "clean.csv").read_text()
    assert "'=HYPERLINK" in text


def test_the_paper_s_numbers_are_reported(site):
    rows = rows_of(site / "boards" / "paper-table1" / "sym80.html")
    shown = {cells[2].split(" ")[0]: cells for cells in rows if len(cells) > 7}
    assert shown["lncis"][3] == "25.5"
    assert shown["lncis"][0] == "—"
    assert shown["lncis"][6] == "—"


def test_the_same_entries_give_the_same_bytes_whatever_was_there(site, entries, tmp_path):
    again = tmp_path / "out"
    build_site(published(tmp_path / "one", entries[:1]), again, describe)
    source = published(tmp_path / "published", entries[::-1])
    (source / "entries" / entries[1].id / "bundle.zip").write_bytes(b"not really a zip")
    date = build_site(source, again, describe)
    assert date == "2026-11-27"
    files = {
        path.relative_to(site): path.read_bytes() for path in site.rglob("*") if path.is_file()
    }
    others = {
        path.relative_to(again): path.read_bytes() for path in again.rglob("*") if path.is_file()
    }
    assert files == others
    zips = []
    for number, folder in enumerate((site, again)):
        write_snapshot(folder, tmp_path / f"{number}.zip", date)
        zips.append((tmp_path / f"{number}.zip").read_bytes())
    assert zips[0] == zips[1]
    with zipfile.ZipFile(tmp_path / "0.zip") as archive:
        names = archive.namelist()
        assert (
            archive.read("noisyseg-leaderboard-2026-11-27/index.html") == files[Path("index.html")]
        )
    assert len(names) == len(files)


def test_a_folder_with_something_else_is_left_alone(entries, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    source = published(tmp_path / "published", entries[:1])
    with pytest.raises(InputError, match="holds something else than a site"):
        build_site(source, tmp_path / "mine", describe)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years of work"


def test_unusable_entries_are_named_and_nothing_is_written(entries, tmp_path):
    source = published(tmp_path / "published", entries[:2])  # the second's bundle is not there
    with pytest.raises(InputError, match=r"bundle.zip is missing"):
        build_site(source, tmp_path / "out", describe)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["published"]
    (source / "entries" / entries[1].id / "bundle.zip").write_bytes(b"another")
    with pytest.raises(InputError, match="another file than the bundle"):
        build_site(source, tmp_path / "out", describe)
    (source / "entries" / entries[1].id).rename(source / "entries" / "another-name")
    with pytest.raises(InputError, match="the folder's 'another-name'"):
        build_site(source, tmp_path / "out", describe)
    with pytest.raises(InputError, match="no entries are published"):
        build_site(tmp_path, tmp_path / "out", describe)


@pytest.mark.parametrize(
    "change",
    [
        {"code": "javascript:alert(1)"},
        {"code": "https://a.example/'onclick='x"},
        {"name": "red\x1b[31m"},
        {"name": "evil\u202egnp.exe"},
        {"summary": None},
        {"more": "x"},
    ],
)
def test_a_card_that_no_submission_could_have_is_refused(tmp_path, change):
    entry = made_entry("ce")
    entry.card.update(change)
    with pytest.raises(InputError, match=r"entry\.json: card"):
        build_site(published(tmp_path / "published", [entry]), tmp_path / "out", describe)


def test_an_address_that_is_none_is_no_link():
    assert address("https://example.org/a?b=1#c") == "https://example.org/a?b=1#c"
    for text in ("javascript:alert(1)", "https://a'b", "https://user@host/", "//x", None, 7):
        assert address(text) is None


def test_numbers_with_runs_are_not_mixed_with_reported_ones(tmp_path):
    for number, changes in enumerate([{"ground": "paper: table1"}, {"kind": "reported"}]):
        source = published(tmp_path / str(number), [made_entry("ce", **changes)])
        with pytest.raises(InputError, match="reported ones alone"):
            build_site(source, tmp_path / "out", describe)
