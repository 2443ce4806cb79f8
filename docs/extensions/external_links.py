"""A list of what the site links to elsewhere: `external-links.txt` beside its front page."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

NAME = "external-links.txt"


def _write(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    pages = defaultdict(set)
    for name in app.env.found_docs:
        for link in app.env.get_doctree(name).findall(nodes.reference):
            address = link.get("refuri", "")
            if "://" in address:
                pages[address.partition("#")[0]].add(name)
    lines = [f"{address}  ({', '.join(sorted(on))})\n" for address, on in sorted(pages.items())]
    (Path(app.outdir) / NAME).write_text("".join(lines), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the list when everything is built."""
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
