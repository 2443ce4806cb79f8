from pathlib import Path

import pytest
import yaml

from noisyseg.bench.config.suite import load_suite


@pytest.fixture
def load(toy):
    """Loads the toy suite with some of its keys changed; None takes a key away."""

    def make(choices=None, **changes):
        suite = {key: value for key, value in (toy.suite | changes).items() if value is not None}
        toy.file.write_text(yaml.safe_dump(suite, sort_keys=False))
        return load_suite(str(toy.file), data_root=None, cache=Path("cache"), choices=choices)

    return make
