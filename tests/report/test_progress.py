"""Progress on stderr: what is said, and how often."""

import io

from rich.console import Console

from acrank.report.progress import ChoiceProgress


def test_a_choice_says_each_note_once() -> None:
    out = io.StringIO()
    progress = ChoiceProgress(Console(file=out, width=200))
    for text in ("2 classes", "train/ is read", "2 classes"):
        progress.message(text)
    assert out.getvalue().splitlines() == ["note: 2 classes", "note: train/ is read"]
