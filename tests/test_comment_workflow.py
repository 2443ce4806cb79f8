"""The scripts of comment-verdict.yml, run by node with a stand-in for GitHub's API."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

WORKFLOW = Path(__file__).parents[1] / ".github" / "workflows" / "comment-verdict.yml"
ENTRY = "results/published/entries/gce-quick-0123abcd/bundle.zip"
MARK = "<!-- noisyseg: verdict on the submission -->"
# The call of each method is noted, its answer taken from ANSWERS.
HARNESS = """
const [script, payload, answers] = JSON.parse(require("fs").readFileSync(0, "utf8"));
const calls = [], outputs = {};
const method = (name) => async (told) => {
  calls.push([name, told]);
  return { data: answers[name] };
};
const rest = {
  pulls: { list: method("list") },
  repos: { compareCommitsWithBasehead: method("compare") },
  issues: {
    listComments: method("comments"),
    updateComment: method("update"),
    createComment: method("create"),
  },
};
const github = { rest, paginate: async (call, told) => (await call(told)).data };
const context = { payload, repo: { owner: "own", repo: "noisyseg" } };
const core = { setOutput: (name, value) => { outputs[name] = value; }, notice: () => {} };
const run = Object.getPrototypeOf(async () => {}).constructor;
run("github", "context", "core", "require", script)(github, context, core, require)
  .then(() => console.log(JSON.stringify({ calls, outputs })));
"""
RUN = {
    "head_sha": "f" * 40,
    "head_branch": "x'; $(id)",
    "head_repository": {"id": 7, "owner": {"login": "they"}},
}
PULL = {"number": 12, "head": {"sha": "f" * 40, "repo": {"id": 7}}, "base": {"sha": "b" * 40}}


def run(step: str, answers: dict[str, Any], **environment: str) -> dict[str, Any]:
    """Outputs and calls of a step's script."""
    node = shutil.which("node")
    if not node:
        pytest.skip("node is not installed")
    steps = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["comment"]["steps"]
    (script,) = [s["with"]["script"] for s in steps if s["name"].startswith(step)]
    told = json.dumps([script, {"workflow_run": RUN}, answers])
    done = subprocess.run(
        [node, "-e", HARNESS],
        input=told,
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def found(files: list[dict[str, str]], pull: dict[str, Any] = PULL) -> dict[str, Any]:
    answers = {"list": [pull], "compare": {"files": files}}
    outputs: dict[str, Any] = run("Find", answers)["outputs"]
    return outputs


def test_the_pull_request_is_found_by_its_commit() -> None:
    done = run("Find", {"list": [PULL], "compare": {"files": [{"filename": ENTRY}]}})
    assert done["outputs"] == {"number": 12, "outside": 0}
    (_, asked), (_, compared) = done["calls"]
    assert asked["head"] == "they:x'; $(id)"
    assert compared["basehead"] == "b" * 40 + "..." + "f" * 40


@pytest.mark.parametrize(
    "head",
    [
        {"sha": "e" * 40, "repo": {"id": 7}},
        {"sha": "f" * 40, "repo": {"id": 8}},
        {"sha": "f" * 40, "repo": None},
    ],
)
def test_another_commit_or_repository_is_not_commented_on(head: dict[str, Any]) -> None:
    assert found([{"filename": ENTRY}], {**PULL, "head": head}) == {}


def test_files_elsewhere_are_counted_and_renamed_ones_too() -> None:
    files = [
        {"filename": ENTRY},
        {"filename": ".github/workflows/verify-submission.yml"},
        {"filename": "results/published/README.md"},
        {"filename": ENTRY, "previous_filename": "tools/verify_submission.py"},
        {"filename": ENTRY, "previous_filename": ENTRY + "2"},
    ]
    assert found(files)["outside"] == 3


def test_a_list_that_github_cut_off_may_have_files_elsewhere() -> None:
    assert found([{"filename": ENTRY}] * 299)["outside"] == 0
    assert found([{"filename": ENTRY}] * 300)["outside"] > 0


@pytest.mark.parametrize(
    ("login", "call"), [("github-actions[bot]", "update"), ("somebody", "create")]
)
def test_only_its_own_comment_is_changed(tmp_path: Path, login: str, call: str) -> None:
    (tmp_path / "comment.md").write_text(f"{MARK}\n\nnew")
    there = [
        {"id": 1, "user": None, "body": None},
        {"id": 5, "user": {"login": login}, "body": f"{MARK}\nold"},
    ]
    done = run("Post", {"comments": there}, RUNNER_TEMP=str(tmp_path), NUMBER="12")
    name, told = done["calls"][-1]
    assert name == call
    assert told["body"] == f"{MARK}\n\nnew"
    assert told.get("comment_id") == (5 if call == "update" else None)
    assert done["calls"][0][1]["issue_number"] == 12
