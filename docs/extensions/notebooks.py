"""Notebooks as pages: their Markdown, their code, and the outputs that they were stored with."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx


def markdown_of(notebook: Mapping[str, Any]) -> str:
    """The page as Markdown: code in blocks, texts in blocks, pictures within the page."""
    return "\n\n".join(part for cell in notebook["cells"] for part in _parts(cell))


def _parts(cell: Mapping[str, Any]) -> Iterator[str]:
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield text
    elif cell["cell_type"] == "code" and text:
        yield f"```python\n{text}\n```"
        for output in cell["outputs"]:
            yield _shown(output)


def _shown(output: Mapping[str, Any]) -> str:
    if output["output_type"] == "stream":
        return f"```text\n{''.join(output['text']).rstrip()}\n```"
    if output["output_type"] == "error":
        raise ValueError(f"a notebook that failed: {output['ename']}: {output['evalue']}")
    data = output["data"]
    if "image/png" in data:
        png = "".join(data["image/png"].split())
        return (
            f'<img class="output" alt="the figure drawn above" src="data:image/png;base64,{png}">'
        )
    if "text/markdown" in data:
        return "".join(data["text/markdown"])
    return f"```text\n{''.join(data['text/plain']).rstrip()}\n```"


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    if Path(app.env.doc2path(name)).suffix == ".ipynb":
        source[0] = markdown_of(json.loads(source[0]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Take `.ipynb` files as sources."""
    app.add_source_suffix(".ipynb", "markdown")
    app.connect("source-read", _read, priority=400)  # before links are rewritten
    return {"parallel_read_safe": True, "parallel_write_safe": True}
