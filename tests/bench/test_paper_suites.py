"""The paper's four tables as suites: their rows, columns and values as the paper has them."""

from pathlib import Path

import pytest
import yaml

from noisyseg.bench.config.suite import Choices, load_suite

REFERENCE = Path(__file__).parents[1] / "data" / "paper" / "reference_tables.yaml"
SUITES = {
    "table1": "paper-table1-voc",
    "table2": "paper-table2-coco",
    "table3": "paper-table3-cityscapes",
    "table4": "paper-table4-ablation",
}
RUNS = {"table1": 42, "table2": 21, "table3": 21, "table4": 7}
# Section 5: overall batch, learning rate, epochs, epochs after which it decays.
TRAINING = {
    "table1": (4, 0.005, 12, [9]),
    "table2": (16, 0.02, 12, [8, 11]),
    "table3": (2, 0.0025, 64, [48]),
    "table4": (4, 0.005, 12, [9]),
}
ASYMMETRIC = {
    "table1": {"type": "asymmetric", "map": "voc"},
    "table2": {"type": "superclass-pairs"},
    "table3": {"type": "asymmetric", "map": "cityscapes"},
}


@pytest.fixture
def suite(tmp_path):
    def make(table, variant=None):
        return load_suite(
            SUITES[table],
            data_root=tmp_path,
            cache=tmp_path,
            choices=Choices(variant=variant, random_weights=True),
        )

    return make


@pytest.mark.parametrize("table", SUITES)
def test_the_grid_is_the_papers(suite, table):
    found = suite(table)
    assert len(found.methods) * len(found.noise) * len(found.seeds) == RUNS[table]


@pytest.mark.parametrize("table", SUITES)
def test_rows_and_columns_are_those_of_the_published_table(suite, table):
    published = yaml.safe_load(REFERENCE.read_text())
    found = suite(table)
    assert set(found.methods) == set(published[table]["rows"])
    columns = ["sym40"] if table == "table4" else published["columns"]
    assert list(found.noise) == columns


@pytest.mark.parametrize("table", ASYMMETRIC)
def test_the_noise_is_the_papers(suite, table):
    symmetric = {f"sym{n}": {"type": "symmetric", "rate": n / 100} for n in (20, 40, 60, 80)}
    asymmetric = {f"asym{n}": {**ASYMMETRIC[table], "rate": n / 100} for n in (20, 40)}
    assert suite(table).noise == {"clean": None, **symmetric, **asymmetric}


@pytest.mark.parametrize("variant", ["mmdet3", "legacy", "fast"])
@pytest.mark.parametrize("table", SUITES)
def test_the_training_is_section_5s(suite, table, variant):
    protocol = suite(table, variant).protocol
    batch, rate, epochs, milestones = TRAINING[table]
    assert protocol["batch_size"] == batch
    assert protocol["optimizer"] == {
        "type": "SGD",
        "lr": rate,
        "momentum": 0.9,
        "weight_decay": 0.0001,
    }
    assert (protocol["epochs"], protocol["schedule"]["milestones"]) == (epochs, milestones)


def test_the_ablation_has_the_papers_components_and_table_1s_own_ends(suite):
    rows = suite("table4").methods
    shared = suite("table1").methods
    assert rows["ce"].spec() == shared["ce"].spec()
    assert rows["st_n_psn_pon"].spec() == shared["lncis"].spec()
    components = {"st": "stage_wise", "n": "negatives", "psn": "pseudo_negatives", "pon": "isolate"}
    for label, row in rows.items():
        if label == "ce":
            continue
        on = {components[part] for part in label.split("_")}
        parameters = row.spec()["parameters"]
        assert {name for name in components.values() if parameters[name]} == on
        assert (parameters["gamma"], parameters["log_zero"], parameters["e1"]) == (6.0, -4.0, 0.5)


def test_cocos_table_says_that_val2017_is_not_test_dev(suite):
    (note,) = suite("table2").notes
    assert "val2017" in note
    assert "test-dev" in note
