"""The command line from a checkout: `python run_benchmark.py …` is the installed `noisyseg …`."""

import sys

from noisyseg.bench.cli import main

if __name__ == "__main__":
    sys.exit(main())
