import os
import subprocess
import sys

# In a process of its own: pytest puts other things in the place of the standard streams.
CODE = """
import os, sys
from pathlib import Path
from noisyseg.bench.runs.process_output import output_to

path = Path(sys.argv[1])
kept = sys.stdout
print("before")
try:
    with output_to(path):
        print("a print")
        print("an error", file=sys.stderr)
        kept.write("a logger that kept the stream\\n")  # left in its buffer
        os.write(1, b"native code\\n")
        os.system("echo a child")
        if sys.argv[2] == "fail":
            raise RuntimeError("boom")
except RuntimeError:
    print("caught", file=sys.stderr)
print("after", len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0)
with output_to(path):
    print("again")
print("end", len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0)
"""
INSIDE = [
    *("a print", "an error", "a logger that kept the stream", "native code", "a child", "again"),
]


def _run(path, outcome):
    command = [sys.executable, "-W", "error", "-c", CODE, str(path), outcome]
    buffered = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    return subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60, env=buffered
    )


def test_everything_goes_to_the_file_and_comes_back_afterwards(tmp_path):
    path = tmp_path / "new" / "run.log"
    done = _run(path, "work")
    first, after, end = done.stdout.splitlines()
    assert (first, done.stderr) == ("before", "")
    assert after.replace("after", "end") == end, "file descriptors were left open"
    assert sorted(path.read_text().splitlines()) == sorted(INSIDE)


def test_a_failure_gives_the_streams_back_as_well(tmp_path):
    done = _run(tmp_path / "run.log", "fail")
    assert done.stderr == "caught\n"
    assert done.stdout.splitlines()[0] == "before"


def test_an_earlier_log_is_kept(tmp_path):
    path = tmp_path / "run.log"
    path.write_text("an earlier try\n")
    _run(path, "work")
    assert path.read_text().startswith("an earlier try\n")
    assert len(path.read_text().splitlines()) == 1 + len(INSIDE)


LOGGER = """
import logging, sys
from pathlib import Path
from noisyseg.bench.runs.process_output import output_to

folder = Path(sys.argv[1])
with output_to(folder / "first.log"):
    logger = logging.getLogger("made in the first run")
    logger.addHandler(logging.StreamHandler(sys.stdout))
    logger.warning("one")
with output_to(folder / "second.log"):
    logger.warning("two")
logger.warning("three")
"""


def test_a_logger_made_in_one_run_writes_into_the_next_ones_file(tmp_path):
    command = [sys.executable, "-W", "error", "-c", LOGGER, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert (tmp_path / "first.log").read_text() == "one\n"
    assert (tmp_path / "second.log").read_text() == "two\n"
    assert (done.stdout, done.stderr) == ("three\n", "")


FULL = """
from pathlib import Path
from noisyseg.bench.runs.process_output import output_to

try:
    with output_to(Path("/dev/full")):
        print("there is no room for this")
except OSError as error:
    print(error.strerror)
"""


def test_a_full_disk_does_not_keep_the_process_output():
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("No space left on device\n")
