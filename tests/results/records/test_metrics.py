import pytest

from noisyseg.errors import InputError
from noisyseg.results.records.metrics import check_metric, metric_value


@pytest.mark.parametrize(
    "name", ["segm.APx", "mask.AP", "segm", "segm.AP.more", "matched.confusion"]
)
def test_a_metric_that_records_do_not_hold_is_refused(name):
    with pytest.raises(InputError, match="metric"):
        check_metric(name)


def test_a_metrics_number_is_found_by_its_name():
    metrics = {"segm": {"AP": 1.0}, "bbox": {"AP": 50.0}}
    assert metric_value(metrics, check_metric("bbox.AP")) == 50.0
    assert metric_value(metrics, "agnostic.AP") is None
