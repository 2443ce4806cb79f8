import signal
import subprocess
import sys
from types import SimpleNamespace

from noisyseg.bench.runs.claims import Claims, is_claimed

HOLDER = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from noisyseg.bench.runs.claims import Claims
claims = Claims()
print(claims.take(SimpleNamespace(key="k", folder=Path(sys.argv[1]))), flush=True)
time.sleep(600)
"""


def test_a_claim_is_one_drivers_until_its_process_ends_however_it_ends(tmp_path):
    run = SimpleNamespace(key="k", folder=tmp_path / "run")
    claims = Claims()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run.folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "True\n"
        assert not claims.take(run)
        assert is_claimed(run.folder)
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdout.close()
    assert not is_claimed(run.folder)
    assert claims.take(run)
    assert claims.take(run)  # one's own stays one's own
    assert not Claims().take(run)
    claims.release(run)
    other = Claims()
    assert other.take(run)
    other.release_all()
    assert not is_claimed(run.folder)


def test_a_run_that_was_never_begun_is_nobodys(tmp_path):
    assert not is_claimed(tmp_path / "absent")
