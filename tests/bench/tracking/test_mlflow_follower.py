import socket

import pytest

from noisyseg.bench.tracking.followers import followers
from noisyseg.errors import InputError

pytest.importorskip("mlflow", reason="the extra [tracking] is not installed")
pytest.importorskip("alembic", reason="the extra [tracking] is not installed")

from mlflow.tracking import MlflowClient

pytestmark = pytest.mark.filterwarnings("ignore")  # of its own and of SQLAlchemy's future


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    """A store in a database, whose making takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


def kept(uri, run):
    """What MLflow has of a run: its own run, and (step, value) by metric."""
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("noisyseg").experiment_id
    (found,) = client.search_runs([experiment], f"tags.`noisyseg.key` = '{run.key}'")
    return found, {
        name: [(m.step, m.value) for m in client.get_metric_history(found.info.run_id, name)]
        for name in found.data.metrics
    }


def test_epochs_come_as_they_are_done_and_metrics_at_the_end(uri, runs, log, record_of):
    (follower,) = followers(None, uri)
    log(runs[0], 3.0)
    follower.look(runs)
    found, metrics = kept(uri, runs[0])
    assert (found.info.status, metrics["train/loss"]) == ("RUNNING", [(1, 3.0)])
    # This driver is killed; another one goes on with the run.
    (follower,) = followers(None, uri)
    log(runs[0], 3.0, 2.0)
    follower.look(runs)
    follower.ended(runs[0], record_of(runs[0], average=31.5))
    follower.close()
    found, metrics = kept(uri, runs[0])
    assert (found.info.status, found.info.run_name) == ("FINISHED", "ce · clean · seed 0")
    assert metrics == {
        "train/loss": [(1, 3.0), (2, 2.0)],
        "train/seconds": [(1, 1.5), (2, 1.5)],
        "eval/segm/AP": [(2, 31.5)],
    }
    assert found.data.params["data"] == "toy"


def test_a_run_that_failed_says_why(uri, runs, record_of):
    (follower,) = followers(None, uri)
    follower.ended(runs[1], record_of(runs[1], failure="boom " * 2000))
    found, metrics = kept(uri, runs[1])
    assert (found.info.status, metrics) == ("FAILED", {})
    assert found.data.tags["failure"].startswith("boom boom")


def test_an_address_without_mlflow_is_an_input_error(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        with pytest.raises(InputError, match=r"--mlflow http://127\.0\.0\.1:"):
            followers(None, f"http://127.0.0.1:{taken.getsockname()[1]}")
