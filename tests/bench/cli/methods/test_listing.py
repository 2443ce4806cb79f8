"""`methods list` answers at once."""

import json
import subprocess
import sys

HEAVY = ("torch", "torchvision", "scipy", "cv2", "ray", "pandas", "numpy")
MOST_SECONDS = 0.5
CODE = f"""
import json, sys, time
sys.argv = ["noisyseg"]
from noisyseg.bench.cli.methods import listing
assert listing.run(listing.Options(json=False)) == 0
print(json.dumps([time.process_time(), [name for name in {HEAVY} if name in sys.modules]]))
"""


def test_it_imports_nothing_heavy_and_takes_less_than_half_a_second_of_the_processor():
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, heavy = json.loads(done.stdout.splitlines()[-1])
    assert heavy == []
    assert seconds < MOST_SECONDS
