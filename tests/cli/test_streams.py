"""A reader that leaves takes nothing with it: neither the exit code, nor a file."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from acrank.report.builders.ranking import RankingReport
from acrank.report.renderers.records import to_json
from tests.cli.test_score import ROOT
from tests.gate.rankings import FOUR, ranking_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="descriptors of POSIX systems")

LOST = "stdout could not be written: No space left on device"
GATE = (
    "gate --scores scores.json --json out.json --csv out.csv --junit out.xml "
    "--format {} --fail-under {}"
)
CHOOSE = "gate --scores scores.json --choose"
OTHERS = {
    "compare scores.json scores.json --format md --csv out.csv --json out.json": 0,
    "validate --published list": 0,
    "cache path": 0,
    "--help": 0,
    "no-such-command": 2,
}


class Ended(NamedTuple):
    """What came of a command."""

    code: int
    files: dict[str, str]
    said: str


Ways = dict[str, Ended]


def environment(folder: Path) -> dict[str, str]:
    (folder / "scores.json").write_text(to_json(RankingReport(ranking_of(FOUR))))
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": "out-github",
        "GITHUB_STEP_SUMMARY": "out-summary",
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ways]:
    """What came of each command with its streams closed in every way."""
    folder = tmp_path_factory.mktemp("streams")
    gates = [GATE.format(form, rule) for form in ("table", "json") for rule in (0, 99)]
    command = [sys.executable, "-W", "ignore", "-m", "tests.cli.closing", str(folder)]
    done = subprocess.run(
        [*command, *gates, CHOOSE, *OTHERS],
        capture_output=True,
        text=True,
        env=environment(folder),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {
        name: {way: Ended(*ended) for way, ended in ways.items()}
        for name, ways in json.loads(done.stdout).items()
    }


@pytest.mark.parametrize("output", ["table", "json"])
@pytest.mark.parametrize(("rule", "code"), [(0, 0), (99, 1)])
def test_no_way_of_closing_a_stream_changes_a_verdict(
    found: dict[str, Ways], rule: int, code: int, output: str
) -> None:
    ways = found[GATE.format(output, rule)]
    assert len(ways) == 12
    whole = ways["open"].files
    assert set(whole) == {"out.json", "out.csv", "out.xml", "out-github", "out-summary"}
    assert f"passed={'false' if code else 'true'}\n" in whole["out-github"]
    for way, ended in ways.items():
        assert ended.code == code, (way, ended.said)
        assert ended.files == whole, way
        assert (f"note: the verdict stands, but {LOST}" in ended.said) == (way == "stdout full")


@pytest.mark.parametrize("command", list(OTHERS))
def test_nor_of_any_other_command(found: dict[str, Ways], command: str) -> None:
    code, ways = OTHERS[command], found[command]
    for way, ended in ways.items():
        # what is wrong with the command is on stderr: stdout has nothing to lose
        lost = way in ("stdout full", "both full") and not code
        assert ended.code == (2 if lost else code), (way, ended.said)
        assert ended.files == ways["open"].files
        told = f"error: what was printed is lost: {LOST}." in ended.said
        assert told == (lost and way == "stdout full")


def test_a_name_that_a_full_disk_has_lost_is_not_chosen(found: dict[str, Ways]) -> None:
    failed = {way for way, ended in found[CHOOSE].items() if ended.code}
    assert failed == {"stdout full", "both full"}


def test_the_same_from_a_shell(tmp_path: Path) -> None:
    gate = f"{sys.executable} -m acrank {GATE.format('json', 99)}"
    script = f"{gate} >&-; echo $? >codes; {gate} | true; echo ${{PIPESTATUS[0]}} >>codes"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (tmp_path / "codes").read_text() == "1\n1\n", done.stderr
    assert (tmp_path / "out-github").read_text().count("passed=false\n") == 2


def test_descriptors_that_are_closed_are_not_taken_by_files(tmp_path: Path) -> None:
    """What a library writes to descriptor 1 must not end in a result file."""
    code = (
        "import os\nfrom acrank.utils.streams import hold_streams\nhold_streams()\n"
        "file = open('result', 'w')\nassert file.fileno() > 2\n"
        "os.write(1, b'noise')\nprint('text', flush=True)\nfile.close()\n"
        "assert os.stat('result').st_size == 0\n"
    )
    command = f'{sys.executable} -c "$CODE" <&- >&- 2>errors'
    known = {**os.environ, "PYTHONPATH": str(ROOT), "CODE": code}
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=known, check=False)
    assert done.returncode == 0, (tmp_path / "errors").read_text()


def test_a_pipe_that_does_not_block_gets_all() -> None:
    """Node and others hand such pipes to their children."""
    code = (
        "import os, sys\nos.set_blocking(1, False)\n"
        "from acrank.utils.streams import hold_streams\nhold_streams()\n"
        "print('x' * 1_000_000)\n"
    )
    command = f'{sys.executable} -c "$CODE" | (sleep 0.3; wc -c)'
    known = {**os.environ, "PYTHONPATH": str(ROOT), "CODE": code}
    done = subprocess.run(
        ["bash", "-c", command], env=known, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "1000001", done.stderr


def test_a_worker_may_print_where_nobody_reads(tmp_path: Path) -> None:
    """What a network's code prints goes to stderr; its reader must not decide on a score."""
    code = (
        "from acrank.runners.worker import become_worker\nbecome_worker()\n"
        "for _ in range(300):\n    print('x' * 1000, flush=True)\n"
    )
    command = f'{{ {sys.executable} -c "$CODE"; echo $? >code; }} 2>&1 >/dev/null | true'
    known = {**os.environ, "PYTHONPATH": str(ROOT), "CODE": code}
    subprocess.run(["bash", "-c", command], cwd=tmp_path, env=known, check=False)
    assert (tmp_path / "code").read_text() == "0\n"
