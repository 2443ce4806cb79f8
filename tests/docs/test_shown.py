"""The harness itself: what a page gets wrong is told, with the place."""

import textwrap

import pytest
from shown.commands import calls, refusal
from shown.folder import lay_out
from shown.running import Page, is_output
from shown.snippets import SnippetError, snippets_of


def snippets(text, page="some.md"):
    return snippets_of(textwrap.dedent(text), page)


def run(folder, text, *, long=False):
    return Page(folder).run(snippets(text), long=long)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("```\nno language\n```", "some.md:2: a block without a language"),
        ("```pyhton\n1\n```", "some.md:2: language 'pyhton', known are: bash,"),
        ("<!-- snippet lnog -->\n```bash\n:\n```", "some.md:1: snippet … is one of file,"),
        ("<!-- snippet file -->\n```bash\n:\n```", "some.md:1: snippet file wants a text"),
        ("<!-- snippet long: yes -->\n```bash\n:\n```", "some.md:1: snippet long takes no text"),
        ("\n<!-- snippet long -->\n\nWords.\n", "some.md:2: this comment stands before no block"),
        ("<!-- snippet output -->\n```text\n1\n```", "some.md:3: output of nothing"),
    ],
)
def test_a_page_s_form_is_held(text, said):
    with pytest.raises(SnippetError) as caught:
        snippets(text)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Words.\n\n```bash\ntrue\nfalse\n```", 'some.md:5: "false" failed'),
        ("```bash\nfalse | cat\n```", "some.md:2: ended with 1"),
        ("```bash\necho $UNSET\n```", "some.md:2: ended with"),
        ("```python\nx = 1\nraise ValueError('so')\n```", "some.md:3: ValueError: so"),
        ("```python\nx = 1\nx =\n```", "some.md:3: SyntaxError"),
        ("```yaml\na: [\n```", "some.md:2: not yaml"),
        ("```json\n{\n```", "some.md:2: not json"),
        ("```toml\na =\n```", "some.md:2: not toml"),
        ("<!-- snippet instead: exit 3 -->\n```bash\ntrue\n```", "some.md:3: ended with 3"),
        (
            "```bash\necho 1\n```\n<!-- snippet output -->\n```text\n2\n```",
            "some.md:6: shown is\n2\n\nand printed was\n1\n",
        ),
        (
            "```python\nprint(1)\n```\n<!-- snippet output -->\n```text\n2\n```",
            "some.md:6: shown is\n2\n",
        ),
    ],
)
def test_what_fails_is_told_with_its_place(tmp_path, text, said):
    with pytest.raises(SnippetError) as caught:
        run(tmp_path, text)
    assert said in str(caught.value)


def test_blocks_see_what_earlier_ones_left(tmp_path):
    text = """
    <!-- snippet file: mine.py -->
    ```python
    ANSWER = 42
    ```

    1. In a list:

       ```bash
       python -c 'import mine; print(mine.ANSWER)'
       ```
       <!-- snippet output -->
       ```text
       4...
       ```

    ```python
    import mine
    assert mine.ANSWER == ANSWER
    ```
    """
    assert run(tmp_path, text) == 4


def test_a_block_that_is_not_run_or_long_is_left_alone(tmp_path):
    text = """
    <!-- snippet long -->
    ```bash
    touch long
    ```
    <!-- snippet not run: no such machine -->
    ```bash
    touch run
    ```
    ```{toctree}
    no block
    ```
    """
    assert run(tmp_path, text) == 0
    assert run(tmp_path, text, long=True) == 1
    assert (tmp_path / "long").exists()
    assert not (tmp_path / "run").exists()


def test_what_is_run_instead_may_have_lines(tmp_path):
    text = """
    <!-- snippet instead:
    touch a
    touch b -->
    ```bash
    rm -r /nowhere
    ```
    """
    assert run(tmp_path, text) == 1
    assert {path.name for path in tmp_path.iterdir()} >= {"a", "b"}


def test_a_shell_has_no_network_and_this_environment_s_programs(tmp_path):
    text = """
    ```bash
    python -c 'import noisyseg, urllib.request as r; r.urlopen("http://example.org")'
    ```
    """
    with pytest.raises(SnippetError, match="Connection refused"):
        run(tmp_path, text)


def test_a_suite_that_is_no_suite_is_told(tmp_path):
    text = """
    <!-- snippet file: mine.yaml -->
    ```yaml
    name: mine
    methods: [cee]
    protocol: smoke
    ```
    """
    with pytest.raises(SnippetError, match=r"(?s)some.md:4: ended with 2.*mine.yaml"):
        run(tmp_path, text)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a  b\n", "a b", True),
        ("a ... c", "a b\nb c", True),
        ("a...", "a", True),
        ("a", "a b", False),
        ("a.b", "axb", False),
    ],
)
def test_output_is_compared_word_by_word(shown, printed, same):
    assert is_output(shown, printed) is same


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("noisyseg run quick   # words", ["run quick"]),
        ("noisyseg run \\\n  quick && noisyseg table quick", ["run quick", "table quick"]),
        (".venv/bin/noisyseg table quick > t.md 2>&1", ["table quick"]),
        ('eval "$(noisyseg completion bash)"', ["completion bash"]),
        ("PARTS=8\nseq 8 | parallel 'noisyseg run quick --shard {}/$PARTS'", None),
        ("pip install noisyseg", []),
        ("cd noisyseg\n# noisyseg run quick", []),
    ],
)
def test_calls_are_found_in_shell_text(line, words):
    found = [" ".join(call[1:]) for call in calls(line)]
    assert found == (["run quick --shard 3/8"] if words is None else words)


def test_a_call_is_held_against_the_program_s_parser():
    assert refusal(["noisyseg", "run", "quick"]) is None
    assert refusal(["noisyseg", "--version"]) is None
    assert "--sede" in refusal(["noisyseg", "run", "quick", "--sede", "1"])
    assert "$SUITE" in refusal(["noisyseg", "run", "$SUITE"])


def test_a_page_s_folder_has_data_that_the_program_takes(tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    folder = tmp_path / "page"
    lay_out(folder, "no data in official layouts", store)
    text = """
    ```bash
    noisyseg data check my-data/annotations/train.json --images my-data/train
    noisyseg noise make --annotations train.json --type symmetric --rate 0.4 --seed 1 --out n.json
    ls train/train001.png runs examples/boards.yaml
    ```
    """
    assert run(folder, text) == 1
    assert not (folder / "FOLDER").exists()
