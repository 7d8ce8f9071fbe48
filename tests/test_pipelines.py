"""The action and the pipelines in the documentation do what they say: their very commands run."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from sklearn.datasets import load_digits

from acrank.config import make_config
from acrank.gate.policy import read_policy
from tests.processes import ROOT, python_path

POLICY = """
zoo: zoo.yaml
data: data/train
rank_by: log_me
samples: 64
models: [demo-cifar10, demo-mixed, demo-untrained]
gate: {require: demo-cifar10, top_k: 3, license: permissive}
"""


def blocks(page: str) -> dict[str, str]:
    """The code of a page by the name after the language, or by the language."""
    found: dict[str, str] = {}
    for kind, name, code in re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```$", page, re.M | re.S):
        found[name or kind] = found.get(name or kind, "") + code
    return found


BLOCKS = blocks((ROOT / "docs" / "ci.md").read_text())
SECTION = (
    (ROOT / "README.md").read_text().partition("## From installation")[2].partition("\n## ")[0]
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A team's repository: images, a zoo, a file of settings and rules."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "acrank" / "zoo" / "demo", folder, dirs_exist_ok=True)
    digits = load_digits()
    for number in range(100):
        label = folder / "data" / "train" / str(digits.target[number])
        label.mkdir(parents=True, exist_ok=True)
        Image.fromarray((digits.images[number] * 15).astype(np.uint8)).save(label / f"{number}.png")
    (folder / "acrank.yaml").write_text(POLICY)
    commands = folder / "bin"
    commands.mkdir()
    script = commands / "acrank"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m acrank "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return folder


def bash(project: Path, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a step as GitHub and GitLab do."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=project,
        env={
            **{name: value for name, value in os.environ.items() if "GITHUB" not in name},
            "PATH": f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": python_path(),
            "ACRANK_CACHE": str(project / "cache"),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=300,
    )


def step_environment(project: Path, inputs: dict[str, str]) -> dict[str, str]:
    """What GitHub makes of the ``env`` of the action's last step."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    given = {name: field["default"] for name, field in action["inputs"].items()} | inputs
    env: dict[str, str] = action["runs"]["steps"][-1]["env"]
    return {
        **{name: given[re.findall(r"inputs\.([\w-]+)", text)[0]] for name, text in env.items()},
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(project / "output"),
        "GITHUB_STEP_SUMMARY": str(project / "summary"),
    }


def test_the_shell_commands_run(project: Path) -> None:
    done = bash(project, BLOCKS["sh"].replace("old.json new.json", "scores.json scores.json"))
    assert done.returncode == 0, done.stderr
    assert re.search(r"^fine-tuning demo-[\w-]+$", done.stdout, re.M)
    assert (project / "gate.xml").is_file()


def test_the_commands_of_the_readme_run(project: Path) -> None:
    policy = yaml.safe_load(blocks(SECTION)["acrank.yaml"])
    policy |= {"samples": 64, "models": ["demo-cifar10", "demo-mixed", "demo-untrained"]}
    (project / "acrank.yaml").write_text(yaml.safe_dump(policy))
    done = bash(project, blocks(SECTION)["sh"])
    (project / "acrank.yaml").write_text(POLICY)
    assert done.returncode == 0, done.stderr
    assert "The gate passed: demo-" in done.stdout
    assert "3 models are in both runs; 3 of them are unchanged." in done.stdout
    for name in ("scores.json", "report.html", "gate.xml"):
        assert (project / name).is_file()


def test_the_workflow_runs_the_action(project: Path) -> None:
    workflow = yaml.safe_load(BLOCKS[".github/workflows/backbone.yml"])
    steps = workflow["jobs"]["gate"]["steps"]
    used = next(step for step in steps if step.get("id") == "gate")
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    assert set(used["with"]) <= set(action["inputs"])
    named = set(re.findall(r"steps\.gate\.outputs\.(\w+)", str(steps)))
    assert named <= set(action["outputs"])
    script = action["runs"]["steps"][-1]["run"]
    done = bash(project, script, **step_environment(project, used["with"]))
    assert done.returncode == 0, done.stderr
    outputs = dict(line.split("=", 1) for line in (project / "output").read_text().splitlines())
    assert set(outputs) == set(action["outputs"])
    assert outputs["passed"] == "true"
    assert "### acrank: passed" in (project / "summary").read_text()
    upload = next(step for step in steps if "upload" in step.get("uses", ""))
    assert all((project / name).is_file() for name in upload["with"]["path"].split())
    last = bash(project, steps[-1]["run"], BEST=outputs["best"])
    assert last.stdout == f"the best is {outputs['best']}\n"


def test_the_action_fails_with_the_gate_and_quotes_what_it_is_given(project: Path) -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    arguments = "--fail-under=99\n\n--junit=a b; touch pwned.xml\n"
    given = {"config": "acrank.yaml", "arguments": arguments}
    environment = step_environment(project, given)
    done = bash(project, action["runs"]["steps"][-1]["run"], **environment)
    assert done.returncode == 1
    assert "::error title=acrank gate%3A fail-under::" in done.stderr
    assert (project / "a b; touch pwned.xml").is_file()
    assert not (project / "pwned.xml").exists()


def test_the_gitlab_job_runs(project: Path) -> None:
    job = yaml.safe_load(BLOCKS[".gitlab-ci.yml"])["backbone"]
    done = bash(project, "\n".join(job["script"]))
    assert done.returncode == 0, done.stderr
    named = [*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]]
    assert all((project / name).is_file() for name in named)


def test_the_file_of_settings_and_rules_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "acrank.yaml"
    path.write_text(BLOCKS["acrank.yaml"])
    assert make_config({}, path).samples == 128
    policy: Any = read_policy({}, path)
    assert (policy.require, policy.license) == ("resnet50.a1_in1k", ("permissive",))
