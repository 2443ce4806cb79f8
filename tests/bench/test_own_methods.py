"""A method in a file of the user's own, from the command line to its record."""

import hashlib
import json
import pickle
import sys
from dataclasses import replace

import pytest

from noisyseg import own_code
from noisyseg.bench.config.suite import Choices, load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.runs.execution import execute
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.run import Resources
from noisyseg.errors import InputError
from noisyseg.methods import plugins
from noisyseg.methods.registry import methods_of_files
from noisyseg.results.records.record import check_record
from noisyseg.results.records.store import RunStore

OWN = '''
from noisyseg.methods.losses.cross_entropy import cross_entropy


def scaled(logits, labels, *, factor: float = 2.0):
    """Cross entropy times a factor."""
    if factor < 0:
        raise ValueError(f"factor must be at least 0, got {factor}")
    return factor * cross_entropy(logits, labels)
'''


@pytest.fixture
def own(tmp_path):
    """The file of a method of one's own."""
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


@pytest.fixture
def planned(call, tmp_path):
    """The runs that a call would do, as (key, label)."""

    def make(*arguments):
        done = call("run", *arguments, "--out", tmp_path / "runs", "--dry-run")
        assert done.status == 0, done.err
        rows = [line.split(maxsplit=3) for line in done.out.splitlines()]
        return [(key, label) for key, _, _, label in rows]

    return make


def labels(rows):
    return [label for _, label in rows]


# Which methods a call has


def test_a_files_method_is_a_row_below_the_suites(planned, toy, own):
    rows = planned(toy.file, "--method-file", f"{own}:scaled")
    assert labels(rows) == [
        f"{method} · {noise} · seed 0"
        for noise in ("clean", "sym40")
        for method in ("ce", "lncis", "scaled")
    ]
    assert rows[:2] == planned(toy.file)[:2]


def test_a_suite_that_names_it_says_its_parameters_and_place(planned, call, toy, own, tmp_path):
    toy.suite["methods"] = {"scaled": None, "ce": None, "triple": {"name": "scaled", "factor": 3}}
    toy.write()
    option = ("--method-file", f"{own}:scaled")
    assert labels(planned(toy.file, *option))[:3] == [
        f"{method} · clean · seed 0" for method in ("scaled", "ce", "triple")
    ]
    assert call("suite", "validate", toy.file, *option).status == 0
    (tmp_path / "runs").mkdir()
    for command in ("plan", "table"):
        assert call(command, toy.file, "--out", tmp_path / "runs", *option).status == 0
    unnamed = call("suite", "validate", toy.file)
    assert unnamed.status == 2
    assert "unknown method 'scaled'" in unnamed.err
    assert "--method-file PATH.py:NAME" in unnamed.err
    toy.suite["methods"]["triple"]["factor"] = -3
    toy.write()
    wrong = call("suite", "validate", toy.file, *option)
    assert wrong.status == 2
    assert f"{toy.file}, line " in wrong.err
    assert "method 'scaled': factor must be at least 0, got -3" in wrong.err


def test_methods_that_the_suite_lacks_can_be_asked_for(planned, call, toy, own):
    option = ("--method-file", f"{own}:scaled")
    rows = planned(toy.file, *option, "--methods", "scaled,elr,ce", "--noise", "clean")
    assert labels(rows) == [f"{method} · clean · seed 0" for method in ("ce", "scaled", "elr")]
    toy.suite["methods"] = ["elr"]
    toy.write()
    assert planned(toy.file, "--noise", "clean")[0] == rows[2]
    typo = call("run", toy.file, *option, "--methods", "scaled,erl")
    assert typo.status == 2
    assert "'erl'. Did you mean 'elr'?" in typo.err


def test_a_label_that_is_anothers_is_refused(call, toy, own):
    toy.suite["methods"] = {"scaled": {"name": "gce"}}
    toy.write()
    done = call("run", toy.file, "--method-file", f"{own}:scaled", "--dry-run")
    assert done.status == 2
    assert f"{own}: the suite calls another method 'scaled'; give yours another name." in done.err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("own.py", "wanted path.py:name"),
        ("none.py:scaled", "cannot be read"),
        ("own.py:sclaed", "has no 'sclaed'. At its top level it has: scaled."),
    ],
)
def test_a_file_without_a_method_starts_nothing(call, toy, own, monkeypatch, text, problem):
    monkeypatch.chdir(own.parent)
    done = call("run", toy.file, "--method-file", text)
    assert done.status == 2
    assert problem in done.err
    assert "Traceback" not in done.err
    assert not (own.parent / "runs").exists()


# Installed packages


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Lays a package with one method where Python finds it, as pip does."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def forget():
        own_code.installed.cache_clear()
        plugins.installed_method.cache_clear()

    def make(module, name, text):
        (folder / f"{module}.py").write_text(text)
        info = folder / f"{module}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[noisyseg.methods]\n{name} = {module}:scaled\n")
        monkeypatch.delitem(sys.modules, module, raising=False)
        forget()

    yield make
    forget()


def test_installed_methods_are_listed_and_those_that_cannot_be_used_say_why(install, call, planned):
    install("goodpkg", "good", OWN)
    install("brokenpkg", "broken", "import no_such_package\n")
    install("clashpkg", "ce", OWN)
    listed = {row["name"]: row for row in json.loads(call("methods", "list", "--json").out)}
    assert listed["good"]["origin"] == "goodpkg 1.2"
    assert listed["good"]["parameters"] == {"factor": 2.0}
    assert "ModuleNotFoundError: No module named 'no_such_package'" in listed["broken"]["problem"]
    assert "of clashpkg 1.2, and a built-in method has it too" in listed["ce"]["problem"]
    text = call("methods", "list").out
    assert "Cross entropy times a factor. [goodpkg 1.2]\n" in text
    assert text.count("CANNOT BE USED: ") == 2
    shown = call("methods", "show", "good").out
    assert "found: goodpkg 1.2\n" in shown
    assert f"good (file {hashlib.sha256(OWN.encode()).hexdigest()[:16]}): Cross" in shown
    assert "  factor = 2\n" in shown
    broken = call("methods", "show", "broken")
    assert broken.status == 2
    assert "cannot be imported: ModuleNotFoundError" in broken.err


def test_a_suite_may_name_an_installed_method_and_a_broken_one_starts_nothing(
    install, call, planned, toy
):
    install("goodpkg", "good", OWN)
    install("brokenpkg", "broken", "1 / 0\n")
    toy.suite["methods"] = {"ce": None, "good-4": {"name": "good", "factor": 4}}
    toy.write()
    assert labels(planned(toy.file, "--noise", "clean")) == [
        "ce · clean · seed 0",
        "good-4 · clean · seed 0",
    ]
    assert len(planned(toy.file, "--methods", "good")) == 2
    toy.suite["methods"]["broken"] = None
    toy.write()
    done = call("run", toy.file)
    assert done.status == 2
    assert f"{toy.file}, line " in done.err
    assert "method 'broken' of brokenpkg 1.2 cannot be imported: ZeroDivisionError" in done.err


# The key


def test_the_key_holds_the_files_hash_and_every_parameter(toy, own, tmp_path):
    def runs_of(text):
        own.write_text(text)
        choices = Choices(own_methods=methods_of_files([f"{own}:scaled"]))
        suite = load_suite(str(toy.file), data_root=None, cache=tmp_path, choices=choices)
        runs = expand(choose(suite, noise=["clean"]), RunStore(tmp_path / "runs"))
        return {run.method_label: run for run in runs}

    first, changed = runs_of(OWN), runs_of(OWN + "\n# a remark\n")
    assert first["scaled"].spec["method"] == {
        "name": "scaled",
        "file_sha256": hashlib.sha256(OWN.encode()).hexdigest(),
        "parameters": {"factor": 2.0},
    }
    assert first["scaled"].key != changed["scaled"].key
    assert first["ce"].key == changed["ce"].key
    assert first["ce"].method_source is None
    assert pickle.loads(pickle.dumps(first["scaled"])) == first["scaled"]


# A run


SUITE = """
name: own
data: {format: shapes, size: 64, train_images: 4, val_images: 2}
model: mask-rcnn-tiny
protocol: {extends: smoke, name: short, epochs: 1, schedule: {milestones: []}}
methods: {double: {name: scaled}, ce: }
noise: {clean: null}
seeds: [0]
"""


def test_a_run_has_the_method_that_it_was_planned_with(own, tmp_path):
    (tmp_path / "own.yaml").write_text(SUITE)
    suite = load_suite(
        str(tmp_path / "own.yaml"),
        data_root=None,
        cache=tmp_path / "cache",
        choices=Choices(own_methods=methods_of_files([f"{own}:scaled"])),
    )
    store = RunStore(tmp_path / "runs")
    runs = {run.method_label: run for run in expand(suite, store)}
    own.write_text("raise SystemExit")
    resources = Resources(threads=1, device="cpu")
    records = {
        label: execute(pickle.loads(pickle.dumps(r)), store, resources) for label, r in runs.items()
    }
    for record in records.values():
        check_record(record)
        assert record["status"] == "done", record["failure"]
    assert (runs["double"].folder / "method.py").read_text() == OWN
    assert not (runs["ce"].folder / "method.py").exists()

    def loss(run):
        (line,) = (run.folder / "log.jsonl").read_text().splitlines()
        return json.loads(line)

    assert loss(runs["double"]) != loss(runs["ce"])

    from noisyseg.bench.runs.run_method import planned_method

    double = runs["double"]
    assert planned_method(double).spec() == double.spec["method"]
    other = replace(double.method_source, content=double.method_source.content + b"\n")
    with pytest.raises(InputError, match=r"'scaled' is another here than when the run was planned"):
        planned_method(replace(double, method_source=other))
