"""`methods new`, as it is called."""

import pytest

from noisyseg.bench.cli.command_line import main


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.long  # a check trains a few steps
def test_what_it_writes_passes_the_check(capsys, tmp_path):
    assert main(["methods", "new", "my_first_loss"]) == 0
    assert "noisyseg methods check my_first_loss.py:my_first_loss" in capsys.readouterr().out
    assert main(["methods", "check", "my_first_loss.py:my_first_loss"]) == 0
    assert capsys.readouterr().out.endswith("checks passed\n")
    assert [path.name for path in tmp_path.iterdir()] == ["my_first_loss.py"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ce", "there is a method called 'ce' already"),
        ("nce_rce", "there is a method called 'nce_rce' already"),
        ("my-loss", "Would my_loss do?"),
        ("2nd", "beginning with a letter"),
        ("lambda", "no word of Python's own"),
        ("", "wanted letters"),
        ("a/b", "Would a_b do?"),
        ("paper", "the file calls something else 'paper'"),
        ("of_labels", "the file calls something else"),
        ("random", "Python has a module random"),
        ("torch", "Python has a module torch"),
    ],
)
def test_a_name_that_will_not_do(name, said, capsys, tmp_path):
    assert main(["methods", "new", name]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays(tmp_path, capsys):
    (tmp_path / "mine.py").write_text("mine")
    assert main(["methods", "new", "mine"]) == 2
    assert "mine.py is there already" in capsys.readouterr().err
    assert (tmp_path / "mine.py").read_text() == "mine"


@pytest.mark.parametrize("file", ["mine.txt", 'my"""loss.py', "mine"])
def test_a_file_of_another_kind(file, tmp_path):
    assert main(["methods", "new", "mine", "--write", file]) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_another_folder(tmp_path, capsys):
    assert main(["methods", "new", "mine", "--write", "code/my loss.py"]) == 0
    assert main(["methods", "show", "code/my loss.py:mine"]) == 0
    assert "share = 0.5" in capsys.readouterr().out
