"""The suite `quick` whole, with its first epochs shared and without: minutes of training."""

import pytest

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.runs.execution import execute
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.prefixes import plan_prefixes, saved_epochs
from noisyseg.bench.runs.run import Resources
from noisyseg.results.records.store import RunStore

SIX = ("ce", "lsr", "jol", "gce", "sce", "lncis")


@pytest.mark.long
@pytest.mark.parametrize(
    ("methods", "noise", "trained"),
    [(("ce", "lncis"), ("sym40",), 60), (SIX, ("clean", "sym40"), 440)],
    ids=["two methods", "the paper's six"],
)
def test_quick_has_the_same_predictions_with_fewer_epochs(tmp_path, methods, noise, trained):
    suite = load_suite("quick", data_root=None, cache=tmp_path / "cache")
    suite = choose(suite, methods=list(methods), noise=list(noise), seeds=[0])
    found = {}
    for sharing in (True, False):
        store = RunStore(tmp_path / f"{sharing}")
        runs = expand(suite, store)
        if sharing:
            runs = plan_prefixes(runs, store.root)
            assert 40 * len(runs) - saved_epochs(runs) == trained
        records = [execute(run, store, Resources(threads=1, device="cpu")) for run in runs]
        spared = sum(record["lineage"]["resumed_from_epoch"] for record in records)
        assert 40 * len(runs) - spared == (trained if sharing else 40 * len(runs))
        found[sharing] = {
            record["key"]: (record["checksums"]["predictions"], record["metrics"])
            for record in records
        }
    assert found[True] == found[False]
