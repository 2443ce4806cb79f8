"""The set-up script: what it asks for, what it does once, and what it does after an accident.

A stand-in for Python notes each call, so these tests install nothing.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# As an interpreter it "makes" an environment whose python is a copy of itself; as that python it
# notes what pip is told.
STAND_IN = """#!/bin/sh
case "$*" in
    "-m venv "*)
        echo venv >>"$CALLS"
        rm -rf .venv
        mkdir -p .venv/bin
        cp "$0" .venv/bin/python
        ;;
    *"pip install"*)
        echo "${*#*pip }" >>"$CALLS"
        if [ -n "${KILLED:-}" ]; then kill -9 "$PPID"; fi
        ;;
    *ensurepip*) [ -z "${NO_ENSUREPIP:-}" ] ;;
    *version_info*) [ -z "${UNUSABLE:-}" ] ;;
    *opencv-python-headless*) echo 4.12.0.88 ;;
esac
"""
TOOLS = ("cat", "cksum", "cp", "dirname", "flock", "git", "make", "mkdir", "rm", "sh", "touch")
PIP_CALLS = 2  # the project, then OpenCV's headless build over the other


class Checkout:
    """A copy of the set-up files on a PATH that holds only what the script may use."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self.bin = folder / "bin"
        self.calls = folder / "calls"
        for part in ("Makefile", "pyproject.toml", "tools/setup.sh"):
            (self.root / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / part, self.root / part)
        self.bin.mkdir()
        for tool in TOOLS:
            found = shutil.which(tool)
            if found:
                (self.bin / tool).symlink_to(found)
        self.add_python("python3")

    def add_python(self, name: str) -> None:
        (self.bin / name).write_text(STAND_IN)
        (self.bin / name).chmod(0o755)

    def setup(self, **environment: str) -> "subprocess.CompletedProcess[str]":
        env = {"PATH": str(self.bin), "CALLS": str(self.calls), **environment}
        command = [str(self.bin / "make"), "--no-print-directory", "setup"]
        return subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True)

    def take_calls(self) -> list[str]:
        """The calls noted since this was last asked."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return lines


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def installed(checkout: Checkout) -> Checkout:
    done = checkout.setup()
    assert done.returncode == 0, done.stderr
    calls = checkout.take_calls()
    assert calls[0] == "venv"
    assert len(calls) == 1 + PIP_CALLS
    return checkout


def test_the_project_is_installed_then_the_opencv_that_needs_no_window_system(
    checkout: Checkout,
) -> None:
    checkout.setup()
    venv, project, opencv = checkout.take_calls()
    assert venv == "venv"
    assert project.endswith("--editable .[train,test,docs]")
    assert opencv.endswith("--force-reinstall --no-deps opencv-python-headless==4.12.0.88")


def test_a_second_call_does_nothing_and_says_nothing(installed: Checkout) -> None:
    again = installed.setup()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert installed.take_calls() == []


def test_touched_but_unchanged_settings_install_nothing(installed: Checkout) -> None:
    os.utime(installed.root / "pyproject.toml")
    installed.setup()
    assert installed.take_calls() == []


def test_changed_settings_are_installed_into_the_same_environment(installed: Checkout) -> None:
    with (installed.root / "pyproject.toml").open("a") as settings:
        settings.write("\n# another dependency\n")
    installed.setup()
    calls = installed.take_calls()
    assert "venv" not in calls
    assert len(calls) == PIP_CALLS


def test_a_killed_install_is_done_again_from_the_start(checkout: Checkout) -> None:
    killed = checkout.setup(KILLED="yes")
    assert killed.returncode != 0
    checkout.take_calls()
    assert checkout.setup().returncode == 0
    calls = checkout.take_calls()
    assert calls[0] == "venv"
    assert len(calls) == 1 + PIP_CALLS
    checkout.setup()
    assert checkout.take_calls() == []


def test_a_moved_checkout_gets_a_new_environment(installed: Checkout) -> None:
    installed.root = installed.root.rename(installed.root.with_name("elsewhere"))
    assert installed.setup().returncode == 0
    assert installed.take_calls()[0] == "venv"


def test_an_environment_whose_python_is_gone_is_made_anew(installed: Checkout) -> None:
    (installed.root / ".venv/bin/python").unlink()
    assert installed.setup().returncode == 0
    assert installed.take_calls()[0] == "venv"


def test_the_users_own_environment_is_kept(checkout: Checkout) -> None:
    own = checkout.root / ".venv/bin/python"
    own.parent.mkdir(parents=True)
    shutil.copy(checkout.bin / "python3", own)
    assert checkout.setup().returncode == 0
    assert "venv" not in checkout.take_calls()


def test_a_missing_git_names_its_package(checkout: Checkout) -> None:
    (checkout.bin / "git").unlink()
    assert_refused(checkout, "git is missing", "apt install git")


def test_a_python_without_ensurepip_names_its_package(checkout: Checkout) -> None:
    assert_refused(
        checkout, "python3 cannot make virtual environments", "python3-venv", NO_ENSUREPIP="yes"
    )


@pytest.mark.parametrize("environment", [{"UNUSABLE": "yes"}, {}], ids=["wrong version", "none"])
def test_no_usable_python_names_what_is_wanted(
    checkout: Checkout, environment: dict[str, str]
) -> None:
    if not environment:
        (checkout.bin / "python3").unlink()
    assert_refused(checkout, "no Python 3.10 to 3.13", "PYTHON=", **environment)


def test_a_usable_python_beside_an_unusable_python3_is_used(checkout: Checkout) -> None:
    (checkout.bin / "python3").write_text("#!/bin/sh\nexit 1\n")
    checkout.add_python("python3.12")
    assert checkout.setup().returncode == 0


def test_a_python_named_by_the_user_must_run(checkout: Checkout) -> None:
    assert_refused(checkout, "PYTHON=/no/such/python", "3.10", PYTHON="/no/such/python")


@pytest.mark.parametrize(
    ("version", "usable"), [((3, 9), 1), ((3, 10), 0), ((3, 13, 5), 0), ((3, 14), 1)]
)
def test_the_versions_admitted_are_those_of_the_package(
    version: tuple[int, ...], usable: int
) -> None:
    specifiers = pytest.importorskip("packaging.specifiers")
    settings = (ROOT / "pyproject.toml").read_text()
    wanted = specifiers.SpecifierSet(re.search(r'^requires-python = "(.*)"', settings, re.M)[1])
    assert (".".join(map(str, version)) in wanted) == (usable == 0)
    script = (ROOT / "tools/setup.sh").read_text()
    condition = re.search(r"import sys; sys\.exit\((.*)\)' 2>", script)[1]
    assert eval(condition.replace("sys.version_info", repr(version))) == usable


def test_ci_runs_the_tests_through_make() -> None:
    lines = (ROOT / ".ci/run").read_text().splitlines()
    assert lines[-1] == "exec make test"
    assert os.access(ROOT / ".ci/run", os.X_OK)


def assert_refused(checkout: Checkout, *words: str, **environment: str) -> None:
    """It stops before anything is installed, with one line that holds these words."""
    refused = checkout.setup(**environment)
    assert refused.returncode != 0
    said = [line for line in refused.stderr.splitlines() if line.startswith("noisyseg set-up:")]
    assert len(said) == 1, refused.stderr
    for word in words:
        assert word in said[0]
    assert checkout.take_calls() == []
