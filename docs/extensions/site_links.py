"""Links that lead out of `docs/`, and the pages whose text lies outside of it.

A page's links are written for GitHub: `../examples/my_method.py`. On the site such a file is read
in the repository, and one that is a page of the site itself, as `../CONTRIBUTING.md`, is that page.
"""

import os
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

# [text](target), <img src="target"> and <a href="target">, but for addresses and anchors.
LINK = re.compile(r"""(\]\(|\b(?:src|href)=")(?!\w+:|#)([^)\s"]+)""")


def rewritten(text: str, base: Path, app: Sphinx) -> str:
    """The page's text with its links as the site has them.

    Args:
        text: Markdown.
        base: the folder that the links start from.
        app: whose configuration says what the repository's address and the borrowed pages are.
    """
    pages = {path: f"{name}.md" for name, path in app.config.borrowed_pages.items()}
    docs = Path(app.srcdir)

    def leads(found: re.Match[str]) -> str:
        place, _, anchor = found[2].partition("#")
        target = Path(os.path.normpath(base / place))
        anchor = f"#{anchor}" if anchor else ""
        if target in pages:
            return f"{found[1]}{pages[target]}{anchor}"
        within = target.relative_to(docs).as_posix() if target.is_relative_to(docs) else None
        if within is not None and within not in app.config.exclude_patterns:
            return f"{found[1]}{within}{anchor}"
        if not target.exists():
            raise FileNotFoundError(f"{base}: a link to {place}, which is not there")
        kind = "tree" if target.is_dir() else "blob"
        inside = target.relative_to(docs.parent).as_posix()
        return f"{found[1]}{app.config.repository}/{kind}/main/{inside}{anchor}"

    return LINK.sub(leads, text)


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    docs = Path(app.srcdir)
    file = app.config.borrowed_pages.get(name)
    if file is not None:
        app.env.note_dependency(str(file))
        source[0] = rewritten(file.read_text(encoding="utf-8"), file.parent, app)
    elif "/" not in name:
        source[0] = rewritten(source[0], docs, app)


def setup(app: Sphinx) -> dict[str, Any]:
    """Rewrite every page of Markdown as it is read."""
    app.add_config_value("repository", "", "env", [str])
    app.add_config_value("borrowed_pages", {}, "env", [dict])
    app.connect("source-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
