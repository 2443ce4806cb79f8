"""The page on the architecture: what it names is there, and every folder of source is named."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ROOMS = ("noisyseg", "noise", "methods", "results", "bench")
NAMED = set(re.findall(r"`([\w./-]+)`", PAGE))


def folders_of_source() -> set[str]:
    own = {
        folder.relative_to(ROOT).as_posix()
        for room in ROOMS
        for folder in (ROOT / room).rglob("*")
        if folder.is_dir() and any(folder.glob("*.py")) and not (folder / "..").is_symlink()
    }
    linked = {f"noisyseg/{room}" for room in ROOMS[1:]}
    return {name for name in own if not any(name.startswith(link) for link in linked)}


def test_every_path_on_the_page_is_there() -> None:
    paths = {name for name in NAMED if "/" in name and not name.startswith("runs/")}
    assert len(paths) > 40
    assert [name for name in sorted(paths) if not (ROOT / name).exists()] == []


def test_every_folder_of_source_is_on_the_page() -> None:
    named = {name.rstrip("/") for name in NAMED}
    groups = ("data", "leaderboard", "methods", "noise", "store", "suite")
    commands = {f"bench/cli/{group}" for group in groups}
    missing = folders_of_source() - named - commands
    assert sorted(missing) == []


def test_every_function_of_the_way_is_where_the_page_says() -> None:
    steps = re.findall(r"`([\w/]+\.py)`, `(\w+)`", PAGE)
    assert len(steps) > 8
    wrong = [
        (file, name)
        for file, name in steps
        if not re.search(rf"^def {name}\(|^class {name}\b", (ROOT / file).read_text(), re.M)
    ]
    assert wrong == []
