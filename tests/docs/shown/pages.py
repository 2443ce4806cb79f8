"""The pages whose blocks are held."""

from pathlib import Path

ROOT = Path(__file__).parents[3]


def pages() -> list[Path]:
    """Every page with something to copy, by its path."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    found += [*ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/README.md")]
    return sorted(found)


def name_of(page: Path) -> str:
    """The page as a test's id and a message call it."""
    return page.relative_to(ROOT).as_posix()
