"""The script of `noisyseg completion`, as shells run it."""

import shutil
import subprocess
from contextlib import redirect_stdout

import pytest

from noisyseg.bench.cli.command_line import main

TRY = """
try() {{
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
  _shtab_noisyseg
  echo "${{COMPREPLY[*]}}"
}}
source {script}
"""


def script(shell, folder):
    path = folder / f"completion.{shell}"
    with path.open("w") as file, redirect_stdout(file):
        assert main(["completion", shell]) == 0
    return path


@pytest.fixture(scope="module")
def bash_script(tmp_path_factory):
    return script("bash", tmp_path_factory.mktemp("completion"))


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["ini"], {"init"}),
        (["methods", "ne"], {"new"}),
        (["run", "sm"], {"small", "smoke", "small-mine.yaml"}),
        (["run", "quick", "--no-sh"], {"--no-sharing"}),
        (["run", "quick", "--methods", "ce,jo"], {"ce,jol"}),
        (["run", "quick", "--method-file", "my_"], {"my_loss.py"}),
        (["noise", "make", "--type", "sym"], {"symmetric"}),
        (["noise", "check", "sup"], {"superclass-pairs", "superclass-uniform"}),
        (["methods", "show", "lnc"], {"lncis"}),
        (["data", "check", "coco"], {"coco2017"}),
        (["completion", ""], {"bash", "zsh"}),
        (["init", "fo"], {"folder"}),
        (["init", "folder", "--device", ""], {"cpu", "gpu"}),
    ],
)
def test_bash_completes(words, completed, bash_script, tmp_path):
    for name in ("small-mine.yaml", "my_loss.py", "my_text.txt", "forms.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    program = TRY.format(script=bash_script) + 'try noisyseg "$@"'
    done = subprocess.run(
        ["bash", "--norc", "-c", program, "bash", *words],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert set(done.stdout.split()) == completed


@pytest.mark.long
def test_zsh_takes_the_script(tmp_path):
    if shutil.which("zsh") is None:
        pytest.skip("needs zsh")
    path = script("zsh", tmp_path)
    subprocess.run(["zsh", "-n", path], check=True)
    program = f'autoload -U compinit; compinit -u -D; eval "$(cat {path})"; echo $_comps[noisyseg]'
    done = subprocess.run(["zsh", "-f", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "_shtab_noisyseg"
