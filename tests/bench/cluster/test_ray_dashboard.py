from types import SimpleNamespace

import pytest

from noisyseg.bench.cluster.ray_dashboard import dashboard_line


@pytest.mark.parametrize(
    ("context", "line"),
    [
        (SimpleNamespace(dashboard_url="10.0.0.4:8265"), "Ray's dashboard: http://10.0.0.4:8265"),
        (SimpleNamespace(dashboard_url="https://a/b"), "Ray's dashboard: https://a/b"),
        (SimpleNamespace(dashboard_url=""), None),
        (SimpleNamespace(dashboard_url=None), None),
        (None, None),
    ],
)
def test_the_line_is_there_if_the_dashboard_is(context, line):
    assert dashboard_line(context) == line
