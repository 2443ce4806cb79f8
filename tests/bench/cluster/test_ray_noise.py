import subprocess
import sys

# In a process of its own: pytest puts other things in the place of the standard streams.
CODE = """
import os, sys
from pathlib import Path
from noisyseg.bench.cluster.ray_noise import display_apart

with display_apart(Path(sys.argv[1])) as display:
    print("a thread of Ray's")
    os.write(2, b"native code\\n")
    display.note("a run goes on")
print("the table")
print("done", file=sys.stderr)
"""


def test_what_ray_says_is_kept_in_a_file_and_what_runs_come_to_is_told(tmp_path):
    command = [sys.executable, "-c", CODE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout == "the table\n"
    assert done.stderr.splitlines()[0] == "a run goes on"
    assert done.stderr.splitlines()[-1] == "done"
    kept = (tmp_path / "ray.log").read_text().splitlines()
    assert sorted(kept) == ["a thread of Ray's", "native code"]


FULL = """
import logging, sys
from pathlib import Path
from noisyseg.bench.cluster.ray_noise import display_apart, quieten_ray

handler = logging.StreamHandler(sys.stderr)
logging.getLogger("ray").addHandler(handler)
with display_apart(Path(sys.argv[1])):
    quieten_ray()
    print("a thread of Ray's")
    logging.getLogger("ray").error("a logger of Ray's")
print("the table")
"""


def test_where_the_disk_is_full_it_is_lost(tmp_path):
    (tmp_path / "ray.log").symlink_to("/dev/full")
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "the table\n")
    assert "Traceback" not in done.stderr
    assert "Logging error" not in done.stderr
