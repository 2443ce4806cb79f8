"""The site in a real browser: by mouse, by keyboard, on a phone, without script, in the dark."""

import shutil
import subprocess

import pytest

from benchmarks.leaderboard_entries import made_entry
from noisyseg.results.leaderboard.entry import write_entry
from noisyseg.results.leaderboard.site.building import build_site
from noisyseg.results.leaderboard.site.setting_page import Described

GROUND = "shapes-mask-rcnn-tiny-shapes-cpu-01234567"
BOARD = f"boards/{GROUND}/sym40.html"
NAMES = """[...document.querySelectorAll("#board tbody tr:not(.section):not([hidden]) th")]
    .filter(cell => cell.offsetParent).map(cell => cell.textContent.split(" ")[0])"""


def describe(noise, classes):
    matrix = {name: [0.6 if name == other else 0.1333 for other in classes] for name in classes}
    return Described(steps=["symmetric noise"], matrix=matrix, spec="- {type: symmetric}")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    entries = [
        made_entry(name, levels={"clean": ap + 10, "sym20": ap + 5, "sym40": ap}, seeds=range(5))
        for name, ap in {"ce": 18.0, "gce": 12.0, "lncis": 24.0}.items()
    ]
    entries.append(made_entry("few", levels={"sym40": 30.0}, seeds=[0]))
    entries.append(made_entry("elsewhere", levels={"sym40": 9.5}, kind="imported"))
    entries[1].card["extra_data"] = "COCO 2017"
    entries[1].card["name"] = (
        "gce_with_a_very_long_name_that_has_no_space_to_be_broken_at_all_in_it"
    )
    entries[2].card["name"] = "lncis <script>document.title = 'broken'</script>"
    for entry in entries:
        write_entry(folder / "published" / "entries" / entry.id, entry)
    build_site(folder / "published", folder / "out", describe)
    return folder / "out"


@pytest.fixture
def page(browser, site):
    """Opens a page of the site; at the end, nothing went wrong and nothing left the folder."""
    browser.requests.clear()
    browser.faults.clear()
    browser.size(1280, 900)

    def opened(name, **media):
        browser.call(
            "Emulation.setEmulatedMedia",
            media=media.get("media", ""),
            features=[{"name": "prefers-color-scheme", "value": media.get("scheme", "light")}],
        )
        browser.open(f"{site.as_uri()}/{name}")
        return browser

    yield opened
    assert browser.faults == []
    assert [own for own in browser.requests if not own.startswith((site.as_uri(), "data:"))] == []
    assert len(browser.requests) > 1  # the page and its style are among them


def some_pages(site):
    """A page of every kind."""
    method = next(path.name for path in (site / "methods").glob("lncis-quick-*"))
    return [
        "index.html", "entries.html", "schema.html", BOARD, f"boards/{GROUND}.html",
        "boards/paper-table1/sym40.html", f"settings/{GROUND}/sym40.html", f"methods/{method}",
    ]  # fmt: skip


def test_every_kind_of_page_opens_without_a_fault(page, site):
    for name in some_pages(site):
        shown = page(name)
        assert shown.value("document.title").endswith("noisyseg leaderboard")
        assert shown.value("document.querySelector('h1').textContent.trim().length") > 3


def click(shown, selector):
    place = shown.value(
        f"(() => {{ const found = document.querySelector({selector!r}); "
        "found.scrollIntoView({block: 'center'}); const box = found.getBoundingClientRect(); "
        "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
    )
    for kind in ("mousePressed", "mouseReleased"):
        shown.call(
            "Input.dispatchMouseEvent",
            type=kind, x=place[0], y=place[1], button="left", clickCount=1,
        )  # fmt: skip


def test_a_click_on_a_heading_sorts_by_it_within_each_part(page):
    shown = page(BOARD)
    gce = "gce_with_a_very_long_name_that_has_no_space_to_be_broken_at_all_in_it"
    assert shown.value(NAMES) == ["lncis", "ce", gce, "few", "elsewhere"]
    heading = "#board thead th:nth-child(4)"
    click(shown, f"{heading} button")
    assert shown.value(f"document.querySelector('{heading}').ariaSort") == "ascending"
    assert shown.value(NAMES) == [gce, "ce", "lncis", "few", "elsewhere"]
    click(shown, f"{heading} button")
    assert shown.value(f"document.querySelector('{heading}').ariaSort") == "descending"
    assert shown.value(NAMES) == ["lncis", "ce", gce, "few", "elsewhere"]
    click(shown, "#board thead th:nth-child(3) button")
    assert shown.value(NAMES) == ["ce", gce, "lncis", "few", "elsewhere"]
    assert shown.value(f"document.querySelector('{heading}').ariaSort") is None


def choose(shown, name, value):
    shown.value(
        f"(() => {{ const found = document.querySelector('[name={name}]'); found.value = {value!r};"
        "found.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def test_rows_are_filtered_by_kind_extra_data_and_name(page):
    shown = page(BOARD)
    choose(shown, "kind", "imported")
    assert shown.value(NAMES) == ["elsewhere"]
    assert shown.value("document.querySelector('output').textContent") == "1 of 5 shown"
    assert not shown.value("document.body.innerText.includes('Provisional: fewer')")
    choose(shown, "kind", "")
    choose(shown, "extra", "yes")
    assert [name[:3] for name in shown.value(NAMES)] == ["gce"]
    choose(shown, "extra", "")
    click(shown, "[name=text]")
    shown.press("N", "C", "I")
    assert shown.value(NAMES) == ["lncis"]
    shown.press("q")
    assert shown.value(NAMES) == []


def test_a_method_s_page_opens_from_its_board(page):
    shown = page(BOARD)
    click(shown, "#board tbody tr th a")
    shown.wait_for_load()
    assert "/methods/lncis-quick-" in shown.value("location.href")
    assert shown.value("document.title").startswith("lncis <script>")
    assert shown.value("document.querySelectorAll('svg.curve circle').length") == 6
    assert shown.value("document.querySelectorAll('details')[0].open") is False
    click(shown, "details summary")
    assert shown.value("document.querySelectorAll('details')[0].open") is True


def focused(shown, key, wanted):
    """Press a key until what it leads to has the focus."""
    for _ in range(60):
        shown.press(key)
        if shown.value(f"document.activeElement.matches({wanted!r})"):
            return
    pytest.fail(f"{key} never leads to {wanted}")


def test_the_keyboard_alone_is_enough(page):
    shown = page(BOARD)
    shown.press("Tab")
    assert shown.value("document.activeElement.className") == "skip"
    box = "document.activeElement.getBoundingClientRect()"
    assert shown.value(f"{box}.left") >= 0  # seen as soon as it has the focus
    focused(shown, "Tab", "[name=kind]")
    assert shown.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    focused(shown, "Tab", "th:nth-child(4) button")
    shown.press("Enter")
    assert shown.value(NAMES)[2] == "lncis"
    shown.press(" ")
    assert shown.value(NAMES)[0] == "lncis"
    focused(shown, "Tab", "tbody th a")
    shown.press("Enter")
    shown.wait_for_load()
    assert "/methods/lncis-quick-" in shown.value("location.href")


@pytest.mark.parametrize("width", [320, 390])
def test_no_page_scrolls_sideways_on_a_phone(page, site, browser, width):
    browser.size(width, 800)
    for name in some_pages(site):
        shown = page(name)
        assert shown.value("document.documentElement.scrollWidth") <= width, name
        small = """[...document.querySelectorAll("button, select, input, nav a")].filter(one => {
            const box = one.getBoundingClientRect(); return box.width && box.height < 24;
        }).map(one => one.outerHTML)"""
        assert shown.value(small) == [], name


def test_without_script_every_row_is_there_and_nothing_that_needs_one(page, browser, site):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        shown = page(BOARD)
        document = shown.call("DOM.getDocument")["root"]["nodeId"]

        def count(selector):
            found = shown.call("DOM.querySelectorAll", nodeId=document, selector=selector)
            return len(found["nodeIds"])

        assert count("#board tbody tr:not(.section)") == 5
        assert count("form.filters[hidden]") == 1
        assert count("button") == 0
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


CONTRAST = """(() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3).map(Number).map(
      v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    const own = getComputedStyle(one).backgroundColor;
    return own !== "rgba(0, 0, 0, 0)" || !one.parentElement ? own : behind(one.parentElement);
  };
  const worst = [...document.querySelectorAll("main *, header *, footer *")].filter(
    one => [...one.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && !one.closest("svg")
  ).map(one => {
    const [a, b] = [light(getComputedStyle(one).color), light(behind(one))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), one.outerHTML.slice(0, 80)];
  }).sort((a, b) => a[0] - b[0])[0];
  return [light(getComputedStyle(document.body).backgroundColor), ...worst];
})()"""


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_text_is_readable_in_both_schemes(page, site, scheme, is_dark):
    for name in some_pages(site):
        shown = page(name, scheme=scheme)
        background, contrast, where = shown.value(CONTRAST)
        assert (background < 0.1) is is_dark
        assert contrast >= 4.5, (name, where)


def test_print_leaves_out_what_paper_cannot_do(page):
    shown = page(BOARD, media="print", scheme="dark")
    hidden = "['header', '.filters'].map(s => getComputedStyle(document.querySelector(s)).display)"
    assert shown.value(hidden) == ["none", "none"]
    background, contrast, _ = shown.value(CONTRAST.replace(", header *", ""))
    assert background > 0.9  # dark is for screens
    assert contrast >= 4.5


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """The source of axe-core, from npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm on this machine")
    folder = tmp_path_factory.mktemp("axe")
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "axe-core@4"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"npm cannot fetch axe-core: {done.stderr[-200:]}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault(page, site, axe, scheme):
    for name in some_pages(site):
        shown = page(name, scheme=scheme)
        shown.value(f"{axe}; true")
        found = shown.value(
            "axe.run({preload: false}).then(r => [r.passes.length, "
            "r.violations.map(v => [v.id, v.impact, v.nodes[0].html])])"
        )
        passed, faults = found
        assert passed > 15
        assert faults == [], name
