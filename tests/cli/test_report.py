"""Pages and Markdown reports as a user asks for them: ``score``, ``merge`` and ``report``."""

from pathlib import Path

import pytest

from tests.cli.test_score import DEMO, Acrank, acrank

__all__ = ["acrank"]

TWO = (*DEMO, "--rank-by", "ac_corr", "--model", "demo-cifar10", "--model", "demo-untrained")


@pytest.fixture
def scored(acrank: Acrank, tmp_path: Path) -> Path:
    """A folder with a run's page, Markdown and JSON."""
    files = ("--html", "run.html", "--markdown", "run.md", "--json", "run.json")
    done = acrank(*TWO, *files)
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_a_page_has_images_and_the_reasons(scored: Path) -> None:
    html = (scored / "run.html").read_text()
    assert "data:image/jpeg;base64," in html
    assert "unranked: 14 of 14 BatchNorm layers have tied affines" in html
    assert "--model demo-untrained" in (scored / "run.md").read_text()
    assert len(html) < 1_500_000


def test_the_json_alone_gives_the_same_page_again(acrank: Acrank, scored: Path) -> None:
    done = acrank("report", "run.json", "--html", "a.html", "--markdown", "a.md", "--data", "demo")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "note: wrote a.html (" in done.stderr
    assert (scored / "a.html").read_text() == (scored / "run.html").read_text()
    assert (scored / "a.md").read_text() == (scored / "run.md").read_text()


def test_images_can_be_left_out(acrank: Acrank, scored: Path) -> None:
    assert acrank(*TWO, "--html", "bare.html", "--no-images").returncode == 0
    assert acrank("report", "run.json", "--html", "again.html").returncode == 0
    for name in ("bare.html", "again.html"):
        assert "<img" not in (scored / name).read_text()


def test_merged_parts_have_a_page(acrank: Acrank, tmp_path: Path) -> None:
    for part in ("1/2", "2/2"):
        acrank(*TWO, "--shard", part, "--json", f"{part[0]}.json")
    done = acrank("merge", "1.json", "2.json", "--html", "all.html", "--markdown", "all.md")
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "all.html").read_text()
    assert "acrank merge 1.json 2.json" in html
    assert "demo-untrained" in html


def test_stored_features_have_a_page_without_images(acrank: Acrank, tmp_path: Path) -> None:
    assert acrank(*TWO, "--metric", "knn", "--features", "kept").returncode == 0
    done = acrank("score", "--from-features", "kept", "--rank-by", "knn", "--html", "knn.html")
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "knn.html").read_text()
    assert "--from-features kept" in html
    assert "<img" not in html


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("report", "run.json"), "There is nothing to write."),
        (("report", "run.json", "--markdown", "a.md", "--data", "demo"), "images in a page"),
        (("report", "no.json", "--html", "a.html"), "'no.json' cannot be read"),
        (("report", "run.json", "--html", "no/a.html"), "does not exist"),
        ((*TWO, "--html", "no/a.html"), "does not exist"),
        ((*TWO, "--markdown", "."), "is a folder"),
        ((*TWO, "--no-images"), "--no-images cannot be used without --html"),
        (("merge", "run.json", "--html", "no/a.html"), "does not exist"),
    ],
)
def test_mistakes_are_named_before_any_work(
    acrank: Acrank, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = acrank(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "[1/" not in done.stderr
    assert not list(tmp_path.glob("*.html"))


def test_other_data_are_refused(acrank: Acrank, scored: Path) -> None:
    settings = ("--seed", "1", "--json", "other.json")
    assert acrank(*TWO, *settings).returncode == 0
    text = (scored / "other.json").read_text().replace('"seed": 1', '"seed": 2')
    (scored / "other.json").write_text(text)
    done = acrank("report", "other.json", "--html", "a.html", "--data", "demo")
    assert done.returncode == 2
    assert "not those of the result: their fingerprint differs" in done.stderr
    assert not (scored / "a.html").exists()


def test_without_the_extra_no_model_is_scored(
    acrank: Acrank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acrank.report.renderers.html.find_spec", lambda name: None)
    done = acrank(*TWO, "--html", "a.html")
    assert done.returncode == 2
    assert "pip install 'acrank[report]'" in done.stderr
    assert "[1/" not in done.stderr
    assert acrank(*TWO, "--markdown", "a.md").returncode == 0  # needs no extra
