"""A card to fill in: YAML with what is known of a method, and a line on what each field wants.

Texts that only the submitter knows are left empty, which no card may be: none is forgotten.
"""

import json
import re
from collections.abc import Mapping

from noisyseg.results.leaderboard.card import FORMAT, Value

_YEAR = re.compile(r"\b(19|20)[0-9]{2}\b")

_TEMPLATE = """\
# What the leaderboard says of a method: fill in what is empty. All of it is shown to everybody.
format: {format}
name: {label}  # as boards show it, at most 80 characters
method: {label}  # its label in the suite: leave it
authors: [""]  # of the method, one text each: ["A. Author", "B. Author"]
paper:{paper}
code: null  # the page of its code, https://…
licence: ""  # of the code, such as Apache-2.0
summary: {summary}  # one sentence, at most 300 characters
# What was tuned, and on what: data set, noise, split, seeds. "nothing" is an answer.
tuned_on: ""
# Data that the runs learnt from, and weights that they started from, beside the suite's own;
# null says none.
extra_data: null
pretrained: null
# As the runs had them: leave them.
parameters:{parameters}
"""


def card_template(
    label: str, *, parameters: Mapping[str, Value], paper: str | None, summary: str
) -> str:
    """The YAML of a card to fill in.

    Args:
        label: of the method, in its suite.
        parameters: all that it has, with their values.
        paper: the publication that defines it; None where nobody says.
        summary: one line on what it does; may be empty.
    """
    lines = [f"  {_text(name)}: {_value(value)}" for name, value in parameters.items()]
    return _TEMPLATE.format(
        format=FORMAT,
        label=_text(label),
        paper=" null  # or {title: …, url: https://…, year: 2020}"
        if paper is None
        else _paper(paper),
        summary=_text(summary),
        parameters="".join(f"\n{line}" for line in lines) or " {}",
    )


def _paper(paper: str) -> str:
    years = [found.group() for found in _YEAR.finditer(paper)]
    year = years[-1] if years else "null  # fill in"
    return f"\n  title: {_text(paper)}\n  url: null\n  year: {year}"


def _value(value: Value) -> str:
    if isinstance(value, bool | str):
        return _text(value)
    text = repr(float(value))
    # YAML reads 1e-05 as a text.
    return text if "e" not in text or "." in text else text.replace("e", ".0e")


def _text(value: str | bool) -> str:
    """JSON, which YAML reads as it stands."""
    return json.dumps(value, ensure_ascii=False)
