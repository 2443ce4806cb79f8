"""A method's spec in a bundle: what noisyseg itself writes of one, and nothing else."""

from types import SimpleNamespace

import pytest

from noisyseg.bench.leaderboard.checks.methods import check_method, check_unknown_method
from noisyseg.files import sha256_bytes
from noisyseg.methods.registry import resolve

SUITE = SimpleNamespace(methods={"ce": resolve("ce", {}), "soft": resolve("gce", {"q": 0.5})})
SOURCE = b"x = 1\n"
OWN = {"name": "mine", "file_sha256": sha256_bytes(SOURCE), "parameters": {"a": 1.0}}


def failing(checks):
    return {check.id for check in checks if check.state == "fails"}


@pytest.fixture
def trained(tmp_path):
    def make(spec, label="mine", source=None):
        if source is not None:
            (tmp_path / "method.py").write_bytes(source)
        return failing(check_method(spec, label, SUITE, tmp_path))

    return make


@pytest.fixture
def imported(tmp_path):
    return lambda spec, label="other": failing(check_unknown_method(spec, label, SUITE, tmp_path))


def test_a_file_as_runs_have_it_holds(trained):
    assert trained(OWN, source=SOURCE) == set()


def test_what_import_writes_holds(imported):
    assert imported({"name": "other", "parameters": {}}) == set()


def test_built_in_methods_hold(trained):
    assert trained(resolve("ce", {}).spec(), "ce") == set()
    assert trained(resolve("gce", {"q": 0.5}).spec(), "soft") == set()
    assert trained(resolve("gce", {"q": 0.25}).spec(), "softer") == set()
    assert trained(resolve("gce", {}).spec(), "gce") == set()


@pytest.mark.parametrize(
    "change",
    [
        {"version": "evil"},
        {"version": None},
        {"junk": ["x" * 1500] * 600},
        {"name": "ce"},
        {"name": "gce", "version": 999},
        {"name": 5},
        {"name": None},
        {"name": "x" * 101},
        {"name": "a\u202eb"},
        {"name": ["mine"]},
        {"file_sha256": "x"},
        {"file_sha256": ["x"]},
        {"file_sha256": sha256_bytes(b"x = 2\n")},
    ],
)
def test_a_file_s_spec_has_name_checksum_and_parameters_alone(trained, change):
    assert trained({**OWN, **change}, source=SOURCE) == {"method.source"}


def test_a_spec_that_lacks_its_name_or_source_is_refused(trained):
    spec = {key: value for key, value in OWN.items() if key != "name"}
    assert trained(spec, source=SOURCE) == {"method.source"}


def test_a_source_that_nobody_can_read_is_refused(trained):
    source = b"x = '\xff'\n"
    spec = {**OWN, "file_sha256": sha256_bytes(source)}
    assert trained(spec, source=source) == {"method.source"}


def test_a_file_that_is_not_there_is_refused(trained):
    assert trained(OWN) == {"method.source"}


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"parameters": {}},
        {"name": 5, "parameters": {}},
        {"name": "ce", "version": 999, "parameters": {}},
        {"name": "other", "file_sha256": "x", "parameters": {}},
        {"name": "other", "version": "evil", "parameters": {}},
        {"name": "\u202e" + "x" * 10**6, "parameters": {}},
    ],
)
def test_an_imported_spec_has_its_label_and_parameters_alone(imported, spec):
    assert imported(spec) == {"method.spec"}


@pytest.mark.parametrize("label", ["ce", "soft", "lncis"])
def test_what_was_trained_elsewhere_takes_no_name_of_noisyseg_s(imported, label):
    assert imported({"name": label, "parameters": {}}, label) == {"method.suite"}


def test_a_method_of_the_suite_gets_no_label_of_its_own(trained):
    assert trained(resolve("gce", {"q": 0.5}).spec(), "supernet") == {"method.label"}
    assert trained(resolve("ce", {}).spec(), "gce") == {"method.label"}


def test_a_label_that_is_a_method_s_is_no_other_s(trained):
    assert trained(OWN, "lncis", source=SOURCE) == {"method.label"}
