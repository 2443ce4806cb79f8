"""The blocks that no test runs, as docs/unrun.md lists them."""

from collections.abc import Iterator

from shown.pages import name_of, pages
from shown.snippets import snippets_of


def unrun() -> Iterator[str]:
    """A line a block: its page, its first line and the reason."""
    for page in pages():
        name = name_of(page)
        for snippet in snippets_of(page.read_text(encoding="utf-8"), name):
            if "not run" in snippet.marks:
                first = " ".join(snippet.text.strip().splitlines()[0].partition("  #")[0].split())
                yield f"- {name}, `{first}`: {' '.join(snippet.marks['not run'].split())}"


if __name__ == "__main__":
    print("\n".join(unrun()))  # noqa: T201 (what it is for)
