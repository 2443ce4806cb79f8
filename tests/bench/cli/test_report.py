"""`report`: one page with everything in it, and nothing from elsewhere."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from noisyseg.results.records.record import seal
from noisyseg.results.records.store import RunStore


class Page(HTMLParser):
    """The page's sections with their texts, its pictures, and what it would load or open."""

    def __init__(self, text):
        super().__init__()
        self.sections, self.pictures, self.links, self.tags = {}, [], [], []
        self._section = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        given = dict(attrs)
        if tag == "h2":
            self._section = given["id"]
            self.sections[self._section] = ""
        if tag == "img":
            self.pictures.append(given)
        self.links += [given[name] for name in ("href", "src") if name in given]

    def handle_data(self, data):
        if self._section:
            self.sections[self._section] += f" {' '.join(data.split())}"


@pytest.fixture
def recorded(toy, tmp_path, record_of):
    """The toy suite: four runs done but one that failed; beside table 3 of the paper."""
    toy.suite["published"] = "table3"
    toy.suite["title"] = "A <b>title</b> & more"
    toy.suite["notes"] = ["A <script>note</script>."]
    toy.write()
    out = tmp_path / "runs"
    store = RunStore(out)
    runs = toy.expand(out)
    for number, run in enumerate(runs):
        if number == 3:
            store.save(record_of(run, failure="method 'x' gave <nothing>\nand a second line"))
            continue
        made = record_of(run, 30.0 + number)
        fields = {k: v for k, v in made.items() if k not in ("format", "key", "checksum")}
        fields["environment"] = {"device": "cpu", "packages": {"torch": "2.14.1"}}
        fields["metrics"] |= {
            "tool": "hotcoco 1.3.0",
            "verified": {"tool": "pycocotools 2.0.11", "largest_difference": 0.0},
            "agnostic": {"AP": 41.5},
            "per_class": {name: {"segm": 20.0 + number} for name in ("fox", "cat", "dog")},
        }
        if run.manifest is not None:
            (run.folder / "manifest.json").parent.mkdir(parents=True, exist_ok=True)
            (run.folder / "manifest.json").write_bytes(run.manifest.read_bytes())
            fields["checksums"]["manifest"] = "ab" * 32
        store.save(seal(fields))
    return out, runs


def page_of(call, toy, out):
    done = call("report", toy.file, "--out", out)
    assert done.status == 0, done.err
    assert done.err.endswith("report written to toy.html\n")
    return Path("toy.html").read_text(encoding="utf-8")


def test_every_part_is_there(call, toy, recorded):
    out, runs = recorded
    page = Page(page_of(call, toy, out))
    assert list(page.sections) == [
        *("results", "comparison", "power", "figures", "tables"),
        *("match", "noise", "failures", "environment", "records"),
    ]
    assert "30.0 (n=1); paper 32.5 (−2.5)" in page.sections["results"]
    assert "Class-agnostic mask AP (%)" in page.sections["tables"]
    assert "Mask AP75" not in page.sections["tables"]  # which no record has
    captions = [picture["alt"] for picture in page.pictures]
    assert "Mask AP against the noise rate" in captions
    assert "What each class lost to the noise: sym40" in captions
    assert "Transition matrix, realised: sym40" in captions
    assert "Cityscapes" in page.sections["match"]
    assert "symmetric-0.4" in page.sections["noise"]
    assert "abababababababab" in page.sections["noise"]
    assert "method 'x' gave <nothing>" in page.sections["failures"]
    assert "and a second line" not in page.sections["failures"]
    assert "torch 2.14.1" in page.sections["environment"]
    assert "3 runs" in page.sections["environment"]
    for run in runs:
        assert run.key in page.sections["records"]
    assert page.sections["records"].count("failed") == 1
    assert page.sections["records"].count("0.0e+00") == 3


def test_texts_are_escaped_and_nothing_comes_from_elsewhere(call, toy, recorded):
    text = page_of(call, toy, recorded[0])
    assert "A &lt;b&gt;title&lt;/b&gt; &amp; more" in text
    page = Page(text)
    assert "script" not in page.tags
    assert "b" not in page.tags
    assert page.links
    for link in page.links:
        assert link.startswith(("#", "data:image/svg+xml;base64,"))
    styles = "".join(re.findall(r"<style>(.*?)</style>", text, flags=re.DOTALL))
    assert "url(" not in styles
    assert "@import" not in styles


def test_the_same_records_give_the_same_page(call, toy, recorded):
    assert page_of(call, toy, recorded[0]) == page_of(call, toy, recorded[0])


def test_nothing_measured_yet(call, toy, tmp_path):
    (tmp_path / "none").mkdir()
    page = Page(page_of(call, toy, tmp_path / "none"))
    assert "Nothing was measured yet." in page.sections["results"]
    assert not {"ahead", "power", "figures", "tables", "match"} & set(page.sections)
    assert page.sections["failures"].split() == ["Failures", "None."]
    assert page.sections["records"].count("not run") == 4
    done = call("report", toy.file, "--out", tmp_path / "none", "--write", tmp_path / "page.html")
    assert "0 of 4 runs done; waiting: every cell at seed 0.\n" in done.err
    assert (tmp_path / "page.html").read_bytes() == Path("toy.html").read_bytes()
    assert page.pictures == []


def test_a_page_is_wide_enough_for_phones(call, toy, recorded):
    text = page_of(call, toy, recorded[0])
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    tables = re.findall(r"<(?:div class=\"([^\"]*)\")>\s*<table", text)
    assert tables
    assert all("scroll" in classes for classes in tables)
    assert len(tables) == text.count("<table")


def test_what_was_found_comes_first(call, toy, recorded):
    text = page_of(call, toy, recorded[0])
    first, _, _ = text.partition("<dl")
    assert "Which method is better at" in first
    assert "Seen: ce has 32.0 mask AP at sym40, 30.0 with clean labels" in first
    assert "<dt>seed</dt><dd>1 (0)</dd>" in text
    assert "<dt>runs done</dt><dd>3 of 4</dd>" in text
    assert text.index("<img") < text.index("<table")


def test_every_figure_opens_at_full_size_and_leads_back(call, toy, recorded):
    text = page_of(call, toy, recorded[0])
    page = Page(text)
    figures = re.findall(r'<figure id="([^"]+)">', text)
    assert len(figures) == len(set(figures)) == len(page.pictures)
    for name in figures:
        assert f"#{name}" in page.links
        assert f"#at-{name}" in page.links
        assert f'id="at-{name}"' in text
    for picture in page.pictures:
        assert int(picture["width"]) > 0
        assert picture["style"] == f"--wide: {picture['width']}px"


def test_a_page_has_a_dark_scheme_and_is_printed_light(call, toy, recorded):
    text = page_of(call, toy, recorded[0])
    styles = "".join(re.findall(r"<style>(.*?)</style>", text, flags=re.DOTALL))
    assert '<meta name="color-scheme" content="light dark">' in text
    assert "@media screen and (prefers-color-scheme: dark)" in styles
    assert "@media print" in styles
    without = re.sub(r":root \{.*?\}", "", styles, flags=re.DOTALL)
    assert not re.search(r"#[0-9a-f]{3,6}\b", without)  # every colour is a variable


def test_a_noise_label_may_hold_anything(call, toy, tmp_path, record_of):
    toy.suite["noise"] = {"clean": None, '40 % "<x>"': {"type": "symmetric", "rate": 0.4}}
    toy.write()
    store = RunStore(tmp_path / "runs")
    for run in toy.expand(tmp_path / "runs"):
        store.save(record_of(run))
    text = page_of(call, toy, tmp_path / "runs")
    assert "<x>" not in text
    assert json.dumps(Page(text).sections["records"]).count("40 %") == 2
