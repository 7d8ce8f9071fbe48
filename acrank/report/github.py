"""Tell GitHub Actions a gate's verdict: outputs, summary and annotations of the step.

The formats are those of "Workflow commands for GitHub Actions" in GitHub's documentation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from acrank.errors import ConfigError
from acrank.gate.judge import Verdict
from acrank.report.builders.verdict import VerdictReport, candidate
from acrank.report.renderers.markdown import to_markdown
from acrank.utils.visible import visible

# GitHub takes a mebibyte for the summary of a step, and refuses all of a longer one.
SUMMARY_BYTES = 1024 * 1024 - 1024
# It shows ten error annotations a step.
ANNOTATIONS = 10


def error_lines(verdict: Verdict) -> list[str]:
    """Make an ``::error`` line for each rule that is not met."""
    return [
        f"::error title={_property(f'acrank gate: {check.rule}')}::{_data(check.text)}"
        for check in verdict.failures[:ANNOTATIONS]
    ]


def write_github(verdict: Verdict, environment: Mapping[str, str]) -> None:
    """Append the outputs and the summary of the step where GitHub says that they belong.

    Args:
        verdict: of a gate.
        environment: ``GITHUB_OUTPUT`` and ``GITHUB_STEP_SUMMARY`` name files, if they are set.

    Raises:
        ConfigError: such a file cannot be written.
    """
    summary = environment.get("GITHUB_STEP_SUMMARY")
    try:
        output = environment.get("GITHUB_OUTPUT")
        if output:
            _append(Path(output), outputs(verdict))
    finally:  # one of them costs only itself
        if summary:
            room = SUMMARY_BYTES - _size(Path(summary))
            _append(Path(summary), summary_text(verdict, room))


def outputs(verdict: Verdict) -> str:
    """Write ``best``, ``passed`` and ``ranking`` (JSON) as lines of the outputs file.

    JSON has no line breaks here, and a name with one is shown with its escape: a value cannot
    begin another output.
    """
    ranking = json.dumps([candidate(row) for row in verdict.contest.candidates], allow_nan=False)
    values = {
        "best": visible(verdict.best),
        "passed": "true" if verdict.passed else "false",
        "ranking": ranking,
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def summary_text(verdict: Verdict, room: int = SUMMARY_BYTES) -> str:
    """Write the Markdown summary with as many candidates as there is room for.

    Args:
        verdict: of a gate.
        room: bytes that it may take.

    Returns:
        The text; empty if not even that of no candidate has room.
    """
    shown = len(verdict.contest.candidates)
    while True:
        text = to_markdown(VerdictReport(verdict, shown).document(), level=3)
        if len(text.encode("utf-8")) <= room:
            return text
        if not shown:
            return ""
        shown //= 2


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(f"'{path}' could not be written: {error.strerror}.") from None


def _data(text: str) -> str:
    return visible(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
