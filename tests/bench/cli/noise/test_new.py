"""`noise new`, as it is called."""

import json

import pytest

from noisyseg.bench.cli.command_line import main
from noisyseg.noise.types import registry


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_OF_FILES", {})  # no type stays for the tests that follow


@pytest.mark.parametrize("family", ["class", "geometry", "removal", "addition"])
def test_what_it_writes_passes_the_check(family, capsys):
    name = f"new_{family}"
    assert main(["noise", "new", name, "--family", family]) == 0
    said = capsys.readouterr().out
    assert f"noisyseg noise check {name}.py:NEW_{family.upper()}" in said
    assert main(["noise", "check", f"{name}.py:NEW_{family.upper()}"]) == 0
    assert capsys.readouterr().out.endswith("checks passed\n")


def test_its_noise_is_made_as_it_says(capsys, tmp_path, make_document):
    document = make_document(["cat", "dog", "horse"], per_class=10)
    (tmp_path / "train.json").write_text(json.dumps(document))
    assert main(["noise", "new", "made_here"]) == 0
    command = capsys.readouterr().out.splitlines()[-1].split()
    assert command[:3] == ["noisyseg", "noise", "make"]
    assert main(command[1:]) == 0
    assert (tmp_path / "noisy.json").is_file()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("symmetric", "there is a noise type called 'symmetric' already"),
        ("box_jitter", "there is a noise type called 'box_jitter' already"),
        ("my-noise", "Would my_noise do?"),
        ("None", "no word of Python's own"),
        ("json", "Python has a module json"),
    ],
)
def test_a_name_that_will_not_do(name, said, capsys, tmp_path):
    assert main(["noise", "new", name]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
