"""Every block that a page shows: run in the page's order, or its commands at least parsed."""

import pytest
from shown.commands import calls, refusal
from shown.folder import lay_out
from shown.pages import name_of, pages
from shown.running import Page
from shown.snippets import SHOWN, SnippetError, snippets_of

# Pages that were written before their blocks were run, and have not been gone over yet.
NOT_YET = {
    "CONTRIBUTING.md",
    "README.md",
    "docs/architecture.md",
    "docs/cluster.md",
    "docs/leaderboard.md",
    "docs/small.md",
    "examples/noisyseg-similar-classes/README.md",
    "examples/noisyseg-truncated-loss/README.md",
}
TEXTS = {name_of(page): page.read_text(encoding="utf-8") for page in pages()}
HELD = [name for name in TEXTS if name not in NOT_YET]


def shown_in(name):
    return snippets_of(TEXTS[name], name)


def with_blocks(wanted):
    """The pages that have such a block, or are not in form: these fail as they are run."""
    found = []
    for name in HELD:
        try:
            there = any(map(wanted, shown_in(name)))
        except SnippetError:
            there = True
        found += [name] * there
    return found


@pytest.mark.parametrize("name", sorted(NOT_YET))
def test_a_page_is_left_out_only_while_it_does_not_hold(name):
    with pytest.raises(SnippetError):
        shown_in(name)


@pytest.mark.parametrize("name", HELD)
def test_the_program_takes_every_command_shown(name):
    wrong = [
        f"{snippet.place}: {' '.join(words)}: {said}"
        for snippet in shown_in(name)
        if snippet.language == "bash"
        for words in calls(snippet.text)
        if (said := refusal(words))
    ]
    assert not wrong, "\n".join(wrong)


def run(name, folder, store, *, long):
    lay_out(folder / "page", TEXTS[name], store)
    Page(folder / "page").run(shown_in(name), long=long)


@pytest.mark.parametrize("name", with_blocks(lambda snippet: snippet.language not in SHOWN))
def test_the_blocks_of_a_page_do_what_they_say(name, tmp_path, smoke_store):
    run(name, tmp_path, smoke_store, long=False)


@pytest.mark.long
@pytest.mark.parametrize("name", with_blocks(lambda snippet: "long" in snippet.marks))
def test_the_blocks_that_take_long_do_so_too(name, tmp_path, smoke_store):
    run(name, tmp_path, smoke_store, long=True)
