"""Every block that a page shows: run in the page's order, or its commands at least parsed."""

import pytest
from shown.commands import calls, refusal
from shown.folder import lay_out
from shown.pages import name_of, pages
from shown.running import Page
from shown.snippets import SHOWN, SnippetError, snippets_of

TEXTS = {name_of(page): page.read_text(encoding="utf-8") for page in pages()}


def shown_in(name):
    return snippets_of(TEXTS[name], name)


def with_blocks(wanted):
    """The pages that have such a block, or are not in form: these fail as they are run."""
    found = []
    for name in TEXTS:
        try:
            there = any(map(wanted, shown_in(name)))
        except SnippetError:
            there = True
        found += [name] * there
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_the_program_takes_every_command_shown(name):
    wrong = [
        f"{snippet.place}: {' '.join(words)}: {said}"
        for snippet in shown_in(name)
        if snippet.language == "bash"
        for words in calls(snippet.text)
        if (said := refusal(words))
    ]
    assert not wrong, "\n".join(wrong)


def run(name, folder, request, *, long):
    snippets = shown_in(name)
    page = folder / "page"
    if any(snippet.is_run for snippet in snippets):
        lay_out(page, TEXTS[name], request.getfixturevalue("smoke_store"))
    Page(page).run(snippets, long=long)


@pytest.mark.parametrize("name", with_blocks(lambda snippet: snippet.language not in SHOWN))
def test_the_blocks_of_a_page_do_what_they_say(name, tmp_path, request):
    run(name, tmp_path, request, long=False)


@pytest.mark.long
@pytest.mark.parametrize("name", with_blocks(lambda snippet: "long" in snippet.marks))
def test_the_blocks_that_take_long_do_so_too(name, tmp_path, request):
    run(name, tmp_path, request, long=True)
