"""The site: it is built without a warning, its links lead somewhere, and it loads nothing."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from shown.pages import ROOT

pytest.importorskip("sphinx", reason="the site needs the extra docs")
# What a browser fetches without being asked, by the tag's attribute.
LOADED = {
    "img": "src",
    "script": "src",
    "iframe": "src",
    "source": "src",
    "link": "href",
    "object": "data",
}

# Links between pages, which browsers do not follow.
SHOWN_BY_NAME = ("next", "prev", "index", "search", "canonical")


class Looked(HTMLParser):
    """A page's links, what it loads, and the places in it that a link can name."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loaded, self.places = [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.places.add(given.get("id"))
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if LOADED.get(tag) in given and given.get("rel") not in SHOWN_BY_NAME:
            self.loaded.append(given[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    program = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    places = ["-d", str(out / "doctrees"), str(ROOT / "docs"), str(out / "html")]
    built = subprocess.run([*program, *places], capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stderr
    return out / "html"


@pytest.fixture(scope="module")
def looked(site):
    return {path: Looked(path) for path in sorted(site.rglob("*.html"))}


def test_every_page_of_the_folder_is_on_the_site(site):
    sources = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("*.ipynb")]
    for source in sources:
        assert (site / source.name).with_suffix(".html").exists()


def test_a_borrowed_page_has_the_file_s_text(site):
    title = (ROOT / "CONTRIBUTING.md").read_text().splitlines()[0].removeprefix("# ")
    page = (site / "contributing.html").read_text()
    assert f"<h1>{title}<" in page
    assert "says how" not in page


def test_a_link_within_the_site_leads_to_a_page_and_a_place_in_it(site, looked):
    dead = []
    for path, page in looked.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            place = unquote(parts.fragment)
            lost = not target.is_file() or (
                place and target in looked and place not in looked[target].places
            )
            dead += [f"{path.name}: {link}"] * bool(lost)
    assert dead == []
    assert sum(len(page.links) for page in looked.values()) > 200


def test_a_page_loads_nothing_from_anywhere_else(site, looked):
    for path, page in looked.items():
        for loaded in page.loaded:
            parts = urlsplit(loaded)
            assert parts.scheme in ("", "data"), f"{path.name} loads {loaded}"
            assert not parts.netloc, f"{path.name} loads {loaded}"
            if not parts.scheme:
                assert (path.parent / unquote(parts.path)).resolve().is_file(), loaded
    for sheet in site.rglob("*.css"):
        found = re.findall(r"""(?:url\(|@import)\s*["']?(https?:|//)""", sheet.read_text())
        assert found == [], sheet


def test_links_to_other_places_are_in_one_list(site):
    listed = [line.split()[0] for line in (site / "external-links.txt").read_text().splitlines()]
    assert listed == sorted(set(listed))
    assert all(re.match(r"https?://[\w.-]+\.\w+(/|$)", address) for address in listed)
    inside = "https://github.com/noisyseg/noisyseg/"
    for address in listed:
        if address.startswith(inside):
            _, _, place = address.removeprefix(inside).partition("/main/")
            assert (ROOT / place).exists(), address
    assert Path(ROOT / "docs/conf.py").read_text().count(inside.rstrip("/")) == 1
