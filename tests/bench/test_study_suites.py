"""The paper's further studies as suites: one parameter moves, and the tables' runs are shared."""

import pytest

from noisyseg.bench.config.suite import Choices, load_suite
from noisyseg.methods.losses.lncis import schedule
from noisyseg.methods.stages import stage_at

STUDIES = ("study-e1", "study-gamma")
VARIANTS = ("mmdet3", "legacy", "fast")
# What of lncis a study moves, and its values; the paper's own is in the middle.
MOVED = {
    "study-e1": ("e1", [0.0, 0.25, 0.5, 0.75, 1.0]),
    "study-gamma": ("gamma", [2.0, 4.0, 6.0, 8.0, 10.0]),
}
# Row of a study → suite and row that have the same run.
SHARED = {
    "study-e1": {
        "ce": ("paper-table1-voc", "ce"),
        "e1_6": ("paper-table1-voc", "lncis"),
    },
    "study-gamma": {
        "ce": ("paper-table1-voc", "ce"),
        "gamma_6": ("paper-table1-voc", "lncis"),
        "never": ("paper-table4-ablation", "st_n_psn"),
    },
}


@pytest.fixture
def suite(tmp_path):
    def make(name, variant=None):
        return load_suite(
            name,
            data_root=tmp_path,
            cache=tmp_path,
            choices=Choices(variant=variant, random_weights=True),
        )

    return make


@pytest.mark.parametrize("study", STUDIES)
def test_one_parameter_of_lncis_moves_and_the_others_stay_the_papers(suite, study):
    parameter, values = MOVED[study]
    rows = suite(study).methods
    papers = suite("paper-table1-voc").methods["lncis"].spec()
    moved = [row.spec() for label, row in rows.items() if label not in ("ce", "never")]
    assert [spec["parameters"][parameter] for spec in moved] == values
    for spec, value in zip(moved, values, strict=True):
        assert spec == {**papers, "parameters": {**papers["parameters"], parameter: value}}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("study", STUDIES)
def test_runs_that_a_table_has_are_the_tables_own(suite, study, variant):
    """All that a run's key is made of, beside the data's own content."""
    ours = suite(study, variant)
    for label, (table, row) in SHARED[study].items():
        theirs = suite(table, variant)
        assert ours.methods[label].spec() == theirs.methods[row].spec()
        assert ours.noise.items() <= theirs.noise.items()
        assert ours.model.resolved() == theirs.model.resolved()
        assert (ours.protocol, ours.data, ours.seeds) == (
            theirs.protocol,
            theirs.data,
            theirs.seeds,
        )


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_row_of_e1_is_named_by_its_epochs(suite, variant):
    study = suite("study-e1", variant)
    epochs = study.protocol["epochs"]
    for label, row in study.methods.items():
        if label == "ce":
            continue
        stages = schedule(row.parameters["e1"])
        names = [stage_at(stages, epoch, epochs).name for epoch in range(epochs)]
        assert label == f"e1_{names.count('cross entropy')}"


def test_the_noise_is_symmetric_40(suite):
    for study in STUDIES:
        assert suite(study).noise == {"sym40": {"type": "symmetric", "rate": 0.4}}
