"""Adds the hashes of new types of noise to noise/golden/hashes.json: `python tools/add_golden.py`.

A hash that is there stays: if this machine makes another one, what users have would change, and
nothing is written.
"""

import json
import sys

from noisyseg.noise.golden import HASHES, differences, make_golden, read_golden


def main() -> int:
    """Add what is missing; 1 if a hash that is there is not what this machine makes."""
    shipped, found = read_golden(), make_golden()
    changed = [label for label, _ in differences(found) if label in shipped]
    if changed:
        sys.stderr.write(f"not what is shipped, nothing written: {', '.join(changed)}\n")
        return 1
    new = found.keys() - shipped.keys()
    hashes = {label: list({**shipped, **found}[label]) for label in sorted({*shipped, *found})}
    HASHES.write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(new)} cases added to {HASHES}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
