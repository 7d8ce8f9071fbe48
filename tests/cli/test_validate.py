"""``acrank validate`` as a user calls it."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from acrank.cli import main
from acrank.cli.app import app
from acrank.experiments.validation.catalog import FOLDER
from tests.experiments.validation.builders import random_values, write, write_long, write_wide

Acrank = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).parents[2]
FAST = ("--draws", "100")


@pytest.fixture
def acrank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Acrank:
    """Call ``acrank validate`` in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["acrank", "validate", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capfd.readouterr()
        code = int(ended.value.code or 0)
        return subprocess.CompletedProcess(arguments, code, captured.out, captured.err)

    return call


def test_the_published_taus_of_tllib(acrank: Acrank) -> None:
    done = acrank("--published", "tllib", *FAST)
    assert done.returncode == 0, done.stderr
    assert "0.119 ≠ 0.709" in done.stdout
    assert "20 of 32 published taus follow from the published numbers" in done.stdout
    assert "NCE column for DTD repeats its LogME column" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_the_list_of_tables_and_a_name_that_is_not_there(acrank: Acrank) -> None:
    done = acrank("--published", "list")
    assert done.returncode == 0
    names = [line.split()[0] for line in done.stdout.splitlines()[1:]]
    assert names[0] == "tllib"
    beside = acrank("scores.csv", "--published", "list")
    assert (beside.returncode, beside.stdout) == (2, "")
    assert beside.stderr == "error: --published list reads no scores.\n  Omit SCORES.\n"
    wrong = acrank("--published", "imagenet")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert all(name in wrong.stderr for name in names)


def test_the_list_of_tables_for_programs(acrank: Acrank, tmp_path: Path) -> None:
    file = tmp_path / "tables.csv"
    done = acrank("--published", "list", "--format", "json", "--csv", str(file))
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert rows == json.loads(done.stdout)
    assert rows[0]["table"] == "tllib"
    assert all(row["licence"] for row in rows)


@pytest.mark.parametrize("name", ["sfda-supervised", "sfda-self-supervised", "medmnist-sources"])
def test_tables_without_scores_or_baselines(acrank: Acrank, name: str) -> None:
    done = acrank("--published", name, *FAST)
    assert done.returncode == 0, done.stderr
    assert "random lists" in done.stdout
    assert ("params_m *" in done.stdout) == (name == "sfda-supervised")


def test_scores_of_ones_own_against_published_accuracies(acrank: Acrank, tmp_path: Path) -> None:
    lines = (FOLDER / "sfda_group1.csv").read_text().splitlines()
    write(tmp_path / "mine.csv", *lines[:-2])
    done = acrank("mine.csv", "--published", "sfda-supervised", *FAST)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].split()[:2] == ["mine", "1.00"]
    assert "2 model(s) with accuracies but no scores" in done.stderr


def test_wide_is_long_and_files_hold_what_stdout_shows(acrank: Acrank, tmp_path: Path) -> None:
    scores, accuracies = random_values(2, 0), random_values(2, 1)
    write_long(tmp_path / "long_scores.csv", "m", scores)
    write_long(tmp_path / "long_truth.csv", "accuracy", accuracies)
    write_wide(tmp_path / "wide_scores.csv", scores)
    write_wide(tmp_path / "wide_truth.csv", accuracies)
    long = acrank("long_scores.csv", "long_truth.csv", *FAST, "--csv", "out.csv", "--format", "csv")
    wide = acrank(
        *("wide_scores.csv", "wide_truth.csv", "--metric", "m", *FAST),
        *("--json", "out.json", "--format", "csv"),
    )
    assert long.returncode == wide.returncode == 0, long.stderr + wide.stderr
    assert long.stdout == wide.stdout == (tmp_path / "out.csv").read_text()
    document = json.loads((tmp_path / "out.json").read_text())
    rows = list(csv.DictReader(io.StringIO(long.stdout)))
    assert [row["metric"] for row in rows if row["scope"] == "mean"] == [
        mean["metric"] for mean in document["means"]
    ]
    for output in ("json", "md"):
        done = acrank("long_scores.csv", "long_truth.csv", *FAST, "--format", output)
        assert done.returncode == 0
        assert "random lists" in done.stdout


def test_detail_and_the_other_convention(acrank: Acrank, tmp_path: Path) -> None:
    write_long(tmp_path / "s.csv", "m", random_values(2, 0))
    write_long(tmp_path / "a.csv", "accuracy", random_values(2, 1))
    both = acrank("s.csv", "a.csv", *FAST, "--detail")
    accuracy = acrank("s.csv", "a.csv", *FAST, "--tau", "accuracy")
    assert "\nset1\n" in both.stdout
    assert both.stdout.splitlines()[1:3] != accuracy.stdout.splitlines()[1:3]


def test_a_score_file_of_acrank_is_taken(acrank: Acrank, tmp_path: Path) -> None:
    """What ``acrank score --csv`` and ``--json`` write goes straight in."""
    from acrank.metrics.estimate import Estimate
    from acrank.ranking import rank_results
    from acrank.report.builders.ranking import RankingReport
    from acrank.report.renderers.records import to_csv, to_json
    from acrank.results import ModelResult

    sizes = {"res": 9, "vgg": 8, "alex": 7, "dense": 6, "effi": 5}
    results = [
        ModelResult(
            name,
            "ok",
            scores={"ac_corr": Estimate.of_trials([size, size + 0.5])},
            params=1_000_000 * (10 - size),
        )
        for name, size in sizes.items()
    ]
    ranking = rank_results([*results, ModelResult.failed("bad", "broken")], "ac_corr", 0)
    (tmp_path / "scores.csv").write_text(to_csv(RankingReport(ranking)))
    (tmp_path / "scores.json").write_text(to_json(RankingReport(ranking)))
    write(tmp_path / "truth.csv", "model,accuracy", *(f"{m},{x}" for m, x in sizes.items()))
    outputs = set()
    for file in ("scores.csv", "scores.json"):
        done = acrank(file, "truth.csv", *FAST, "--format", "csv")
        assert done.returncode == 0, done.stderr
        listed = list(csv.DictReader(io.StringIO(done.stdout)))
        rows = {row["metric"]: row for row in listed if row["scope"] == "mean"}
        assert float(rows["ac_corr"]["weighted_tau"]) == pytest.approx(1)
        assert float(rows["params_m"]["weighted_tau"]) == pytest.approx(-1)
        assert rows["params_m"]["kind"] == "baseline"
        outputs.add(done.stdout)
    assert len(outputs) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ["No scores", "tllib"]),
        (("dup.csv",), ["dup.csv, line 3", "'a' on 'x' is there already", "--where size=VALUE"]),
        (("mix.csv",), ["mix fractions (c: 0.92) and percentages (a: 90)"]),
        (("good.csv", "--where", "size=3"), ["no column 'size'"]),
        (("dup.csv", "--where", "size=3"), ["no row has '3'", "There are: '1', '2'"]),
        (("good.csv", "--group", "modality"), ["neither a column of the accuracies nor a file"]),
        (("good.csv", "--names", "scores.csv"), ["no columns 'model' and 'name'"]),
        (("good.csv", "--truth", "guess"), ["'--truth'"]),
        (("good.csv", "--domain", "radiolgy"), ["'--domain'"]),
        (("gone.csv", "good.csv"), ["gone.csv", "cannot be read"]),
        (("good.csv", "bad.csv"), ["bad.csv, line 3, column 'accuracy'", "'91%'"]),
        (("scores.csv", "others.csv"), ["share no model", "Names must agree"]),
        (("scores.csv",), ["no column of accuracies"]),
        (("good.csv", "good.csv"), ["no column of scores", "'accuracy'"]),
        (("good.csv", "good.csv", "--published", "tllib"), ["its own accuracies"]),
        (("scores.csv", "good.csv", "--lower-is-better", "x"), ["no metric 'x'", "There are: m"]),
        (("scores.csv", "good.csv", "--model-column", "net"), ["no column 'net'"]),
        (("scores.csv", "good.csv", "--baseline", "gone.csv"), ["gone.csv"]),
        (("scores.csv", "good.csv", "--csv", "no/such/out.csv"), ["does not exist"]),
        (("scores.csv", "good.csv", "--draws", "5"), ["draws"]),
        (("scores.csv", "good.csv", "--tau", "x"), ["tau"]),
        (("scores.csv", "good.csv", "--nope"), ["No such option"]),
    ],
)
def test_wrong_usage_is_exit_2(
    acrank: Acrank, tmp_path: Path, arguments: tuple[str, ...], words: list[str]
) -> None:
    write(tmp_path / "good.csv", "model,accuracy", "a,90", "b,91", "c,92", "d,80")
    write(tmp_path / "bad.csv", "model,accuracy", "a,90", "b,91%", "c,92")
    write(tmp_path / "others.csv", "model,accuracy", "x,90", "y,91", "z,92")
    write(tmp_path / "scores.csv", "model,m", "a,1", "b,2", "c,3", "d,4")
    write(tmp_path / "dup.csv", "model,dataset,size,accuracy", "a,x,1,90", "a,x,2,91", "b,x,1,80")
    write(tmp_path / "mix.csv", "model,accuracy", "a,90", "b,91", "c,0.92")
    before = set(tmp_path.iterdir())
    done = acrank(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert set(tmp_path.iterdir()) == before


def test_no_torch_in_a_whole_run() -> None:
    code = (
        "import sys\nfrom acrank.cli import main\n"
        "sys.argv = ['acrank', 'validate', '--published', 'tllib', '--draws', '100']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'timm', 'sklearn', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_the_documented_help_is_the_real_one() -> None:
    arguments = ["validate", "--help"]
    result = CliRunner().invoke(app, arguments, prog_name="acrank", terminal_width=80)
    text = "\n".join(line.rstrip() for line in result.stdout.strip().splitlines())
    assert text in (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def test_the_documented_output_is_the_real_one(acrank: Acrank) -> None:
    page = (ROOT / "docs" / "validate.md").read_text(encoding="utf-8")
    _, heading, taus = acrank("--published", "tllib", *FAST).stdout.partition("\nPublished")
    assert heading + taus in page  # the part that no random draw enters


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom acrank.cli import main\n"
        "sys.argv = ['acrank', 'validate', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'pandas', 'numpy', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
