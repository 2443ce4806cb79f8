"""Methods of anyone's own: what is taken from files and installed packages, and what is refused."""

import hashlib
import pickle
import sys
import traceback

import pytest
import torch

from noisyseg import own_code
from noisyseg.errors import InputError
from noisyseg.methods.context import LossContext
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.plugins import (
    installed_method,
    installed_names,
    load_method,
    read_method_file,
)
from noisyseg.methods.registry import TAKEN, methods_of_files, named, resolve

FUNCTION = '''
from noisyseg.methods.losses.cross_entropy import cross_entropy

paper = "Somebody, Something, 2026"


def scaled(logits, labels, *, factor: int = 2, word: str = "a", on: bool = True):
    """Cross entropy times a factor.

    More of it.
    """
    if factor < 0:
        raise ValueError(f"factor must be at least 0, got {factor}")
    return factor * cross_entropy(logits, labels)
'''
CLASS = """
from dataclasses import dataclass

import torch


@dataclass
class Counting:
    step: float = 1.0

    def __post_init__(self):
        self.calls = 0

    def loss(self, logits, labels, ctx):
        self.calls += 1
        return logits.sum(1) * 0 + self.step * self.calls

    def state_dict(self):
        return {"calls": self.calls}

    def load_state_dict(self, state):
        self.calls = state["calls"]
"""


def context(count, num_classes=2):
    return LossContext(
        num_classes=num_classes,
        epoch=0,
        num_epochs=1,
        weights=torch.ones(count),
        annotation_ids=None,
    )


@pytest.fixture
def write(tmp_path):
    """Writes a method's file; returns its path and a name as the command line has it."""

    def make(text, name, file="own.py"):
        path = tmp_path / file
        path.write_text(text, encoding="utf-8")
        return f"{path}:{name}"

    return make


# From files


def test_a_function_in_a_file_is_a_method(write):
    text = write(FUNCTION, "scaled")
    method = named(text)
    assert method.parameters == {"factor": 2.0, "word": "a", "on": True}
    assert type(method.parameters["factor"]) is float
    assert method.method.paper == "Somebody, Something, 2026"
    assert method.method.summary == "Cross entropy times a factor."
    assert method.spec() == {
        "name": "scaled",
        "file_sha256": hashlib.sha256(FUNCTION.encode()).hexdigest(),
        "parameters": {"factor": 2.0, "word": "a", "on": True},
    }
    own = methods_of_files([text])
    method = resolve("scaled", {"factor": 3}, own=own)
    logits, labels = torch.randn(5, 3), torch.tensor([0, 1, 2, 2, 0])
    torch.testing.assert_close(
        method.start().loss(logits, labels, context(5)), 3 * cross_entropy(logits, labels)
    )
    for parameters, problem in (
        ({"factor": -1}, "factor must be at least 0, got -1"),
        ({"factor": "3"}, "parameter 'factor' of method 'scaled' must be a finite number"),
        ({"factr": 3}, "unknown parameter of method 'scaled' 'factr'. Did you mean 'factor'?"),
    ):
        with pytest.raises(InputError) as caught:
            resolve("scaled", parameters, "mine.yaml, line 3", own=own)
        assert str(caught.value).startswith("mine.yaml, line 3: ")
        assert problem in str(caught.value)


def test_a_class_in_a_file_has_a_state_for_each_training(write):
    method = named(write(CLASS, "Counting"))
    first, second = method.start(), method.start()
    logits, labels = torch.zeros(2, 3), torch.zeros(2, dtype=torch.long)
    assert [first.loss(logits, labels, context(2))[0].item() for _ in range(3)] == [1, 2, 3]
    second.load_state_dict(first.state_dict())
    assert second.loss(logits, labels, context(2)).tolist() == [4, 4]


def test_what_was_read_is_what_runs_whatever_becomes_of_the_file(write, tmp_path):
    source = read_method_file(write(FUNCTION, "scaled"))
    (tmp_path / "own.py").write_text(FUNCTION.replace("return factor *", "return 100 *"))
    changed = load_method(read_method_file(f"{tmp_path / 'own.py'}:scaled"))
    (tmp_path / "own.py").unlink()
    travelled = load_method(pickle.loads(pickle.dumps(source)))
    logits, labels = torch.randn(4, 3), torch.zeros(4, dtype=torch.long)
    expected = cross_entropy(logits, labels)
    torch.testing.assert_close(travelled.definition(logits, labels), 2 * expected)
    torch.testing.assert_close(changed.definition(logits, labels), 100 * expected)
    assert travelled.file_sha256 != changed.file_sha256


def test_tracebacks_show_the_files_lines_though_the_file_is_gone(write, tmp_path):
    text = "def broken(logits, labels):\n    return logits.no_such_thing  # here\n"
    method = load_method(read_method_file(write(text, "broken")))
    (tmp_path / "own.py").unlink()
    with pytest.raises(AttributeError) as caught:
        method.definition(torch.zeros(1, 3), torch.zeros(1))
    shown = "".join(traceback.format_exception(caught.value))
    assert "return logits.no_such_thing  # here" in shown
    assert f'{tmp_path / "own.py"}", line 2' in shown


@pytest.mark.parametrize(
    "text", ["", "own.py", "own.py:", ":scaled", "own.txt:scaled", "own.py:a b", "own.py:1"]
)
def test_what_names_no_function_in_a_file(text):
    with pytest.raises(InputError, match=r"wanted path\.py:name, .* got "):
        read_method_file(text)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"none\.py: the method's file cannot be read: No such"):
        read_method_file(f"{tmp_path / 'none.py'}:loss")
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(InputError, match=r"folder\.py: the method's file cannot be read"):
        read_method_file(f"{tmp_path / 'folder.py'}:loss")


REFUSED = {
    "import no_such_package\n": r"line 1: .*ModuleNotFoundError: No module named 'no_such_package'",
    "\nx = 1 / 0\n": r"line 2: .*ZeroDivisionError: division by zero",
    "def own(logits labels):\n": r"line 1: .*SyntaxError",
    "raise SystemExit(3)\n": r"line 1: .*SystemExit: 3",
    "\0": r"cannot be run: (SyntaxError|ValueError)",
    "def other(logits, labels): ...\n": r"has no 'own'\. At its top level it has: other\.",
    "import torch\n": r"has no 'own'\. At its top level it has: nothing of its own\.",
    "own = 3\n": r"method 'own': wanted a function or a class, got 3\.",
    "def own(logits): ...\n": r"wanted \(logits, labels\), got \(logits\)",
    "def own(x, y): ...\n": r"wanted \(logits, labels\), got \(x, y\)",
    "def own(labels, logits): ...\n": r"wanted \(logits, labels\), got \(labels, logits\)",
    "def own(logits, labels, q): ...\n": r"parameter 'q' needs a default .*; got none",
    "def own(logits, labels, q=None): ...\n": r"parameter 'q' needs a default .*; got None",
    "def own(logits, labels, q=float('inf')): ...\n": r"finite number, .*; got inf",
    "def own(logits, labels, q=float('nan')): ...\n": r"finite number, .*; got nan",
    "def own(logits, labels, q=10**400): ...\n": r"finite number, .*; got 1000",
    "def own(logits, labels): ...\nown.needs = ('clean_labels',)\n": (
        r"it can need annotation_ids or noise_matrix, not clean_labels"
    ),
    "def own(logits, labels, q=(1,)): ...\n": r"parameter 'q' needs a default .*; got \(1,\)",
    "def own(logits, labels, *q): ...\n": r"parameter \*q has no name of its own",
    "def own(logits, labels, **q): ...\n": r"parameter \*\*q has no name of its own",
    "class own: ...\n": r"the class lacks a method loss\(logits, labels, ctx\)",
    "class own:\n    def loss(self, logits, labels): ...\n": (
        r"wanted \(self, logits, labels, ctx\), got \(self, logits, labels\)"
    ),
    "class own:\n    def __init__(self, q): ...\n    def loss(self, logits, labels, ctx): ...\n": (
        r"parameter 'q' needs a default"
    ),
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_file_without_a_method_says_what_was_wanted(write, text, tmp_path):
    with pytest.raises(InputError, match=REFUSED[text]) as caught:
        named(write(text, "own"))
    assert str(tmp_path / "own.py") in str(caught.value)


def test_a_file_that_failed_is_run_again_when_its_package_is_there(write, tmp_path, monkeypatch):
    text = "import comes_later\ndef own(logits, labels): return logits.sum(1)\n"
    name = write(text, "own")
    with pytest.raises(InputError, match="No module named 'comes_later'"):
        named(name)
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "comes_later.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    assert named(name).name == "own"


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "own.py").write_bytes(b"\xff\xfe")
    with pytest.raises(
        InputError, match=r"own\.py: .*cannot be run: SyntaxError: invalid or missing encoding"
    ):
        named(f"{tmp_path / 'own.py'}:own")


SOURCES = {
    "BOM": ("\ufeff" + FUNCTION).encode(),
    "CRLF": FUNCTION.replace("\n", "\r\n").encode(),
    "latin-1": ("# -*- coding: latin-1 -*-\n# \xe9" + FUNCTION).encode("latin-1"),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_a_file_is_read_as_python_reads_it(tmp_path, kind):
    (tmp_path / "own.py").write_bytes(SOURCES[kind])
    method = named(f"{tmp_path / 'own.py'}:scaled")
    assert method.method.file_sha256 == hashlib.sha256(SOURCES[kind]).hexdigest()


def test_what_a_file_prints_is_no_answer_of_a_command(write, capsys):
    named(write("print('hello')\ndef own(logits, labels): return logits.sum(1)\n", "own"))
    assert capsys.readouterr() == ("", "hello\n")


@pytest.mark.parametrize("name", ["ce", "ours"])
def test_a_built_in_name_is_taken(write, name):
    with pytest.raises(InputError, match=f"a built-in method is called '{name}'"):
        named(write(f"def {name}(logits, labels): ...\n", name))


def test_two_files_with_one_name_are_refused_and_the_same_file_twice_is_one(write):
    first = write("def own(logits, labels): return logits.sum(1)\n", "own", "a.py")
    second = write("def own(logits, labels): return logits.sum(1) * 2\n", "own", "b.py")
    assert list(methods_of_files([first, first])) == ["own"]
    with pytest.raises(InputError, match=r"a\.py and .*b\.py both have a method 'own'"):
        methods_of_files([first, second])


def test_a_class_that_cannot_be_built_is_refused_before_any_run(write):
    text = """
class own:
    def __init__(self, size=2.0):
        self.rows = [0] * size
    def loss(self, logits, labels, ctx):
        return logits.sum(1)
"""
    with pytest.raises(InputError, match=r"method 'own' of .*own\.py cannot be built: TypeError"):
        named(write(text, "own"))


def test_what_a_loss_raises_on_a_batch_is_its_runs_to_tell(write):
    """Parameters are tried on one RoI; what else is wrong there must not stop the other methods."""
    text = "def own(logits, labels, *, q=1.0):\n    return logits[:, 7]\n"
    assert named(write(text, "own")).parameters == {"q": 1.0}


# From installed packages


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Lays packages where Python finds them, as pip does: {name: (entry points, module text)}."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def forget():
        own_code.installed.cache_clear()
        installed_method.cache_clear()

    def make(name, entries, text):
        module = name.replace("-", "_")
        (folder / f"{module}.py").write_text(text)
        info = folder / f"{module}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        lines = [f"{method} = {module}:{target}" for method, target in entries.items()]
        (info / "entry_points.txt").write_text("\n".join(["[noisyseg.methods]", *lines, ""]))
        monkeypatch.delitem(sys.modules, module, raising=False)
        forget()
        return folder / f"{module}.py"

    forget()
    yield make
    forget()


def test_an_installed_packages_method_is_found_by_its_entry_points_name(install):
    file = install("some-losses", {"scaled-ce": "scaled"}, FUNCTION)
    assert installed_names() == ["scaled-ce"]
    assert "some_losses" not in sys.modules
    method = resolve("scaled-ce", {"factor": 4})
    assert method.method.origin == "some-losses 1.2"
    assert method.method.source is None
    assert method.spec() == {
        "name": "scaled-ce",
        "file_sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "parameters": {"factor": 4.0, "word": "a", "on": True},
    }


def test_installed_modules_that_cannot_be_used_say_why_and_harm_no_other(install):
    install("broken-losses", {"broken": "loss"}, "import no_such_package\n")
    install("lacking-losses", {"lacking": "loss"}, "")
    install("wrong-losses", {"wrong": "loss"}, "loss = 3\n")
    install("good-losses", {"good": "scaled"}, FUNCTION)
    for name, problem in {
        "broken": r"method 'broken' of broken-losses 1\.2 cannot be imported: ModuleNotFoundError",
        "lacking": r"method 'lacking' of lacking-losses 1\.2 cannot be imported: AttributeError",
        "wrong": r"wrong-losses 1\.2: method 'wrong': wanted a function or a class, got 3",
    }.items():
        with pytest.raises(InputError, match=problem):
            resolve(name, {})
    assert resolve("good", {}).name == "good"
    assert resolve("ce", {}).name == "ce"


def test_a_name_of_two_packages_or_of_a_built_in_method_is_refused(install):
    install("one-losses", {"twice": "scaled", "ce": "scaled"}, FUNCTION)
    install("two-losses", {"twice": "scaled"}, FUNCTION)
    with pytest.raises(InputError, match=r"'twice' is of one-losses 1\.2 and two-losses 1\.2"):
        resolve("twice", {})
    with pytest.raises(InputError, match=r"'ce' is of one-losses 1\.2, and a built-in"):
        installed_method("ce", TAKEN)
    assert resolve("ce", {}).method.origin == "built in"


def test_a_file_goes_before_an_installed_method_of_its_name(install, write):
    install("some-losses", {"scaled": "scaled"}, FUNCTION)
    own = methods_of_files([write(FUNCTION, "scaled")])
    assert resolve("scaled", {}, own=own).method.source is not None
    assert resolve("scaled", {}).method.source is None


def test_an_unknown_method_is_told_of_files(install):
    install("some-losses", {"scaled-ce": "scaled"}, FUNCTION)
    with pytest.raises(InputError, match=r"Did you mean 'scaled-ce'\?.*--method-file"):
        resolve("scaled_ce", {})


BEGINNING = """
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.stages import begins_as


{mark}
def late(logits, labels, *, warmup: float = 0.5, word: str = "a", on: bool = True):
    return cross_entropy(logits, labels)
"""


def beginning_in(tmp_path, mark):
    (tmp_path / "late.py").write_text(BEGINNING.format(mark=mark))
    return load_method(read_method_file(f"{tmp_path / 'late.py'}:late")).begins_as


@pytest.mark.parametrize(
    "mark",
    [
        '@begins_as("ce", until="warmup")',
        '@begins_as("ce", until=0.5, when="on")',
        '@begins_as("ce", until=1)',
    ],
)
def test_a_file_can_say_that_its_method_begins_as_another(tmp_path, mark):
    assert beginning_in(tmp_path, mark).method == "ce"


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ('@begins_as("cee", until=0.5)', "unknown method that it begins as 'cee'. Did you mean 'c"),
        ('@begins_as("ce", until="warm")', "until 'warm': wanted a share of all epochs"),
        ('@begins_as("ce", until="word")', "until 'word': wanted a share of all epochs"),
        ('@begins_as("ce", until="on")', "until 'on': wanted a share of all epochs"),
        ('@begins_as("ce", until=True)', "until True: wanted a share of all epochs"),
        ('@begins_as("ce", until=0.5, when="warmup")', "when 'warmup': wanted a parameter that is"),
        ('@begins_as("ce", until=0.5, when="off")', "when 'off': wanted a parameter that is"),
        ('@lambda f: setattr(f, "begins_as", "ce") or f', "begins_as must be what @noisyseg.meth"),
    ],
)
def test_what_it_says_of_its_beginning_must_be_usable(tmp_path, mark, message):
    with pytest.raises(InputError, match=r"late\.py: method 'late': ") as caught:
        beginning_in(tmp_path, mark)
    assert message in str(caught.value)
