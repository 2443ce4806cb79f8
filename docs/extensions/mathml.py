"""Formulas as MathML, by docutils' own converter: browsers draw it, and nothing is loaded."""

import re
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.math import get_node_equation_number

# What docutils sets otherwise than TeX does: an index of an accented letter comes below the letter,
# and a function stands close to what it is of.
_MENDED = (
    (re.compile("…"), r"\\ldots "),
    (re.compile(r"(\{\\(?:hat|tilde|bar) \w\})_"), r"\1{}_"),
    (re.compile(r"\\log (?=\w)"), r"\\log\\, "),
)


def _mathml(node: nodes.Element, *, as_block: bool) -> str:
    text = node.astext()
    for wrong, right in _MENDED:
        text = wrong.sub(right, text)
    try:
        return tex2mathml(text, as_block=as_block)
    except MathError as error:
        raise ExtensionError(f"{node.source}: {node.astext()}: {error}") from error


def _inline(writer: Any, node: nodes.Element) -> None:
    writer.body.append(_mathml(node, as_block=False))
    raise nodes.SkipNode


def _displayed(writer: Any, node: nodes.Element) -> None:
    writer.body.append(writer.starttag(node, "div", CLASS="math"))
    if node["number"]:
        number = get_node_equation_number(writer, node)
        writer.body.append(f'<span class="eqno">({number})</span>')
    writer.body.append(_mathml(node, as_block=True))
    writer.body.append("</div>")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the renderer `mathml`."""
    app.add_html_math_renderer("mathml", (_inline, None), (_displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
