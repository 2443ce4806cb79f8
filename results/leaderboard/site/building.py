"""The whole site: which files it has, how they get into a folder or a zip."""

import gc
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from noisyseg.errors import InputError
from noisyseg.results.leaderboard.arrangement import grounds_of
from noisyseg.results.leaderboard.boards import Ground
from noisyseg.results.leaderboard.published import bundle_path, paper_entries, read_published
from noisyseg.results.leaderboard.site import exports
from noisyseg.results.leaderboard.site.board_page import board_page
from noisyseg.results.leaderboard.site.ground_page import ground_page
from noisyseg.results.leaderboard.site.index_pages import entries_page, index_page
from noisyseg.results.leaderboard.site.method_page import beside, method_page, places_of
from noisyseg.results.leaderboard.site.schema_page import schema_page
from noisyseg.results.leaderboard.site.setting_page import Describe, setting_page

Content = bytes | Path
"""Of a file: its bytes, or the file that it is a copy of."""
MARK = "data/boards.json"
"""A folder that holds this is a site, which may be built anew."""
_OWN = ("style.css", "board.js")
_FIRST = (1980, 1, 1, 0, 0, 0)


def build_site(published: Path, out: Path, describe: Describe) -> str:
    """Write the site; a site that was there before is replaced once the new one is whole.

    Args:
        published: folder with `entries/`.
        out: the site's folder.
        describe: says what a noise is.

    Returns:
        The date of the newest entry.

    Raises:
        InputError: unusable entries, or a folder with something else in it.
    """
    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or (out / MARK).is_file())):
        raise InputError(f"{out} holds something else than a site: give another folder.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}.") from error
    try:
        date = _write_all(published, describe, fresh)
        fresh.chmod(0o755)
        if out.exists():
            shutil.rmtree(out)
        os.replace(fresh, out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return date


def _write_all(published: Path, describe: Describe, folder: Path) -> str:
    entries = read_published(published)
    gc.freeze()  # thousands of runs that stay: looking through them again takes a fifth of the time
    try:
        grounds = grounds_of([*entries, *paper_entries()])
        date = newest(grounds)
        _write(site_files(published, grounds, describe, date=date), folder)
    finally:
        gc.unfreeze()
    return date


def newest(grounds: Iterable[Ground]) -> str:
    """The date of the newest entry: pages say no other, so that they come out the same again."""
    return max((e.date for ground in grounds for e in ground.entries), default="1970-01-01")


def site_files(
    published: Path, grounds: Sequence[Ground], describe: Describe, *, date: str
) -> Iterator[tuple[str, Content]]:
    """Every file of the site by its path in it."""
    here = Path(__file__).parent
    yield from ((name, here / name) for name in _OWN)
    yield "index.html", index_page(grounds, date=date)
    yield "entries.html", entries_page(grounds, date=date)
    yield "schema.html", schema_page(date=date)
    yield MARK, exports.boards_json(grounds)
    yield "data/entries.json", exports.entries_json(grounds)
    for ground in grounds:
        yield from _boards(ground, describe, date)
        yield from _entries(published, ground, date)


def _boards(ground: Ground, describe: Describe, date: str) -> Iterator[tuple[str, Content]]:
    yield f"boards/{ground.slug}.html", ground_page(ground, date=date)
    for board in ground.boards:
        name = f"{ground.slug}/{board.slug}"
        yield f"boards/{name}.html", board_page(ground, board, date=date)
        yield f"settings/{name}.html", setting_page(ground, board, describe, date=date)
        yield f"data/boards/{name}.json", exports.board_json(ground, board)
        yield f"data/boards/{name}.csv", exports.board_csv(board)
        if board.images:
            yield f"data/runs/{name}.csv", exports.runs_csv(board)


def _entries(published: Path, ground: Ground, date: str) -> Iterator[tuple[str, Content]]:
    places, other = places_of(ground), beside(ground)
    for entry in ground.entries:
        bundle = bundle_path(published, entry)
        yield (
            f"methods/{entry.id}.html",
            method_page(ground, entry, places, other, bundle=bundle is not None, date=date),
        )
        yield f"data/entries/{entry.id}.json", exports.entry_json(entry)
        if bundle is not None:
            yield f"bundles/{entry.id}.zip", bundle


def _write(files: Iterable[tuple[str, Content]], folder: Path) -> None:
    made = set()
    for name, content in files:
        path = folder / name
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        if isinstance(content, Path):
            shutil.copyfile(content, path)
        else:
            path.write_bytes(content)


def write_snapshot(site: Path, archive: Path, date: str) -> None:
    """The site as one zip that outlives any host; equal sites give equal bytes.

    Args:
        site: its folder.
        archive: the zip.
        date: which its folder inside is named by.

    Raises:
        InputError: the archive cannot be written.
    """
    paths = sorted(path for path in site.rglob("*") if path.is_file())
    try:
        archive.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
            for path in paths:
                name = f"noisyseg-leaderboard-{date}/{path.relative_to(site).as_posix()}"
                told = zipfile.ZipInfo(name, _FIRST)
                told.create_system, told.external_attr = 3, 0o644 << 16
                file.writestr(told, path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot write {archive}: {error.strerror}.") from error
