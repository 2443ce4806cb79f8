import subprocess
import sys

HANGING = """
import sys, time, threading
from noisyseg.bench.runs.watchdog import Watchdog
watchdog = Watchdog(float(sys.argv[1]), sys.stderr)
watchdog.step()
if sys.argv[2] == "steps":
    for _ in range(25):
        time.sleep(0.1)
        watchdog.step()
    watchdog.stop()
    time.sleep(3)
    print("done")
else:
    def stuck_here():
        sum(i for i in range(10**12))
    stuck_here()
"""


def outcome(limit, what):
    command = [sys.executable, "-c", HANGING, str(limit), what]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_process_that_makes_no_step_ends_and_says_where_it_hung():
    done = outcome(0.5, "hang")
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert "stuck_here" in done.stderr


def test_one_that_makes_steps_or_is_no_longer_watched_goes_on():
    done = outcome(1.0, "steps")
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
