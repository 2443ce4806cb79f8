import time

import pytest


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves when told to: clock[0] is now."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now
