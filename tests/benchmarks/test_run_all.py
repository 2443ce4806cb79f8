"""The table of all benchmarks: what becomes of each is shown, and none is forgotten."""

import json
import sys
import time
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
TOOLS = {"coco_like", "run_all"}  # run by themselves, too, but they measure nothing

FIGURE = {
    "what": "a | b",
    "figure": "2 s",
    "ratio": 0.5,
    "rival": "another: 4 s",
    "kept": None,
}
WRITES = """
import json, sys
assert "--short" in sys.argv
with open(sys.argv[sys.argv.index("--figures") + 1], "w") as file:
    json.dump({rows}, file)
sys.exit({status})
"""


@pytest.fixture
def part(monkeypatch):
    """A benchmark's module by its name, as a script beside it imports it."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return import_module


def alive(process: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


@pytest.fixture
def found(part, tmp_path):
    """What becomes of a stand-in, by its program."""

    def outcome(program: str, limit: float = 60, **fields: object):
        (tmp_path / "stand_in.py").write_text(program)
        parts = part("outcome")
        benchmark = parts.Benchmark(name="stand_in", **fields)
        return parts.outcome(benchmark, tmp_path, short=True, limit=limit)

    return outcome


def test_every_benchmark_is_in_the_table(part):
    programs = {
        path.stem for path in FOLDER.glob("*.py") if 'if __name__ == "__main__"' in path.read_text()
    }
    listed = [benchmark.name for benchmark in part("run_all").BENCHMARKS]
    assert sorted(listed) == sorted(programs - TOOLS)


def test_each_that_runs_has_a_short_form_and_writes_its_figures(part):
    for benchmark in part("run_all").BENCHMARKS:
        text = (FOLDER / f"{benchmark.name}.py").read_text()
        assert ("parsed(parser" in text) == (benchmark.left_out is None), benchmark.name
        assert ("write_figures(" in text) == (benchmark.left_out is None), benchmark.name


def test_figures_come_as_they_were_written(found):
    done = found(WRITES.format(rows=[FIGURE], status=0))
    assert (done.status, done.why) == ("done", None)
    assert [(figure.what, figure.ratio) for figure in done.figures] == [("a | b", 0.5)]
    assert done.seconds > 0


def test_a_missed_bound_is_told_with_its_figures(found):
    missed = found(WRITES.format(rows=[FIGURE | {"kept": False}], status=1))
    assert (missed.status, missed.why) == ("bound missed", "a | b")
    assert len(missed.figures) == 1
    unsaid = found(WRITES.format(rows=[FIGURE], status=1))
    assert (unsaid.status, unsaid.why) == ("bound missed", "exit status 1: ")


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("raise ValueError('broken')", "no figures, exit status 1"),
        ("print('nothing to say')", "no figures, exit status 0"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "no figures, exit status -11"),
        ("import sys; open(sys.argv[2], 'w').write('[{')", "figures that cannot be read"),
        ("import sys; open(sys.argv[2], 'w').write('[{\"a\": 1}]')", "figures that cannot be read"),
    ],
)
def test_one_without_figures_has_failed(found, program, why):
    failed = found(program)
    assert (failed.status, failed.figures) == ("failed", [])
    assert failed.why.startswith(why)


def test_one_that_hangs_is_stopped_with_what_it_started(found, tmp_path):
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'child')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)"
    )
    failed = found(program, limit=1.5)
    assert (failed.status, failed.why) == ("failed", "stopped after 1.5 s")
    until = time.monotonic() + 20  # a busy machine takes its time to end it
    while alive(int((tmp_path / "child").read_text())) and time.monotonic() < until:
        time.sleep(0.05)
    assert time.monotonic() < until


def test_what_this_machine_lacks_is_named(part, found, monkeypatch):
    program = WRITES.format(rows=[FIGURE], status=0)
    monkeypatch.setattr(part("outcome"), "_has_gpu", lambda: False)
    for fields, why in (
        ({"gpu": True, "left_out": "takes hours"}, "needs a GPU"),
        ({"left_out": "takes hours"}, "takes hours"),
        ({"needs": ("json", "no_such_package")}, "needs no_such_package, not installed here"),
    ):
        left = found(program, **fields)
        assert (left.status, left.why) == ("left out", why)


def test_the_table_shows_all_and_the_next_one_runs(part, tmp_path, capsys):
    parts, run_all = part("outcome"), part("run_all")
    programs = {
        "good": WRITES.format(rows=[FIGURE], status=0),
        "broken": "raise ValueError('broken')",
        "missed": WRITES.format(rows=[FIGURE | {"kept": False}], status=1),
    }
    for name, program in programs.items():
        (tmp_path / f"{name}.py").write_text(program)
    listed = [parts.Benchmark(name=name) for name in ("broken", "missed", "good")]
    listed.append(parts.Benchmark(name="other", left_out="takes hours"))
    run = partial(parts.outcome, folder=tmp_path, short=True, limit=60)
    path = tmp_path / "results.md"
    assert run_all.tabulated(listed, run, form="quick", path=path) == 1
    printed = capsys.readouterr().out
    assert "[1/4] broken: failed" in printed
    assert "ValueError: broken" in printed
    assert "[4/4] other: left out: takes hours" in printed
    assert "failed or bound missed: broken, missed" in printed
    assert [row for row in path.read_text().splitlines() if row.startswith("| ")][1:] == [
        "| broken | failed: no figures, exit status 1 | — | — | — | — | — |",
        "| missed | a \\| b | 2 s | 0.50 | another: 4 s | quick | NO |",
        "| good | a \\| b | 2 s | 0.50 | another: 4 s | quick | — |",
        "| other | left out: takes hours | — | — | — | — | — |",
    ]
    written = json.loads(path.with_suffix(".json").read_text())
    assert written["form"] == "quick"
    assert written["machine"]["python"] == sys.version.split()[0]
    assert [one["status"] for one in written["benchmarks"]] == [
        "failed",
        "bound missed",
        "done",
        "left out",
    ]
    assert run_all.tabulated(listed[2:], run, form="quick", path=None) == 0
