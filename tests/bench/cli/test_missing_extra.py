"""What any command says when a package of the extra `train` is missing."""

import pytest


@pytest.mark.parametrize("name", ["torch", "mmdet", "ray"])
def test_a_missing_package_of_the_extra_is_named_with_the_command(call, monkeypatch, name):
    def lacking(options):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("noisyseg.bench.cli.methods.show.run", lacking)
    done = call("methods", "show", "ce", "--json")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        f"error: `noisyseg methods show` needs {name}, which is not installed: "
        "pip install 'noisyseg[train]'\n"
    )


@pytest.mark.parametrize("name", ["rich", "torch.no_such_part", None])
def test_another_module_that_is_missing_is_a_fault_of_the_program(call, monkeypatch, name):
    def lacking(options):
        raise ModuleNotFoundError("No module", name=name)

    monkeypatch.setattr("noisyseg.bench.cli.methods.show.run", lacking)
    with pytest.raises(ModuleNotFoundError):
        call("methods", "show", "ce")
