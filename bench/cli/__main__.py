"""`python -m noisyseg.bench.cli …`."""

import sys

from noisyseg.bench.cli import main

sys.exit(main())
