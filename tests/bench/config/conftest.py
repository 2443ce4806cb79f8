"""The toy suite as suites' tests change it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from noisyseg.bench.config.suite import Choices, Suite, load_suite


@pytest.fixture
def load(toy: Any) -> Callable[..., Suite]:
    """Loads the toy suite with some of its keys changed; None takes a key away."""

    def make(choices: Choices | None = None, **changes: Any) -> Suite:
        suite = {key: value for key, value in (toy.suite | changes).items() if value is not None}
        toy.file.write_text(yaml.safe_dump(suite, sort_keys=False))
        return load_suite(str(toy.file), data_root=None, cache=Path("cache"), choices=choices)

    return make
