"""A page's fenced blocks, each with what the HTML comments on the lines before it say.

<!-- snippet file: NAME -->       the block is written to this file of the page's folder
<!-- snippet instead: COMMANDS --> these are run in the block's place, by bash
<!-- snippet long -->             run by `make long` alone
<!-- snippet not run: REASON -->  run by no test
<!-- snippet output -->           what the block before this one prints; `...` is anything
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt

RUN = ("bash", "python")
PARSED = ("yaml", "json", "toml")
# Looked at by nobody but the reader: what a program prints, and what another program reads.
SHOWN = ("text", "latex", "bibtex", "csv", "html", "dockerfile")
LANGUAGES = (*RUN, *PARSED, *SHOWN)
COMMENT = re.compile(r"<!--\s*snippet\s+(file|instead|long|not run|output)\b\s*:?(.*?)-->", re.S)
ANY_COMMENT = re.compile(r"<!--\s*snippet\b")
WITH_TEXT = {"file": True, "instead": True, "long": False, "not run": True, "output": False}


class SnippetError(Exception):
    """A page says something that does not hold; begins with the place, `FILE:LINE: `."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """A fenced block.

    Attributes:
        page: as a message calls it.
        line: the page's line with the block's first line, from 1.
        marks: what the comments before it say, by their word.
        before: the block before it, if any.
    """

    page: str
    line: int
    language: str
    text: str
    marks: dict[str, str]
    before: "Snippet | None"

    @property
    def place(self) -> str:
        """Where it stands, as an editor takes it."""
        return f"{self.page}:{self.line}"

    @property
    def is_run(self) -> bool:
        """Whether a test runs it, or something in its place."""
        return "not run" not in self.marks and (self.language in RUN or "instead" in self.marks)


def snippets_of(text: str, page: str) -> list[Snippet]:
    """The blocks of a page's text, in order.

    Raises:
        SnippetError: a block without a language or of an unknown one, a comment that says nothing
            known or stands before no block.
    """
    found: list[Snippet] = []
    comments: list[tuple[int, str]] = []
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "html_block" and ANY_COMMENT.search(token.content):
            comments.append((token.map[0] + 1, token.content))
        elif token.type == "fence" and not token.info.startswith("{"):  # a directive of the site's
            line = token.map[0] + 2
            snippet = Snippet(
                page=page,
                line=line,
                language=token.info.strip(),
                text=token.content,
                marks=dict(_marks(comments, page)),
                before=found[-1] if found else None,
            )
            _check(snippet)
            found.append(snippet)
            comments = []
        elif comments and token.type != "html_block":
            raise SnippetError(f"{page}:{comments[0][0]}: this comment stands before no block")
    return found


def _marks(comments: list[tuple[int, str]], page: str) -> Iterator[tuple[str, str]]:
    for line, content in comments:
        marks = COMMENT.findall(content)
        if len(marks) != len(ANY_COMMENT.findall(content)):
            raise SnippetError(f"{page}:{line}: snippet … is one of {', '.join(WITH_TEXT)}")
        for word, text in marks:
            if bool(text.strip()) != WITH_TEXT[word]:
                says = "wants a text after a colon" if WITH_TEXT[word] else "takes no text"
                raise SnippetError(f"{page}:{line}: snippet {word} {says}")
            yield word, text.strip()


def _check(snippet: Snippet) -> None:
    if not snippet.language:
        raise SnippetError(f"{snippet.place}: a block without a language; output is `text`")
    if snippet.language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise SnippetError(f"{snippet.place}: language {snippet.language!r}, known are: {known}")
    if "output" in snippet.marks and (snippet.before is None or snippet.before.language not in RUN):
        raise SnippetError(f"{snippet.place}: output of nothing: no block that is run before it")
