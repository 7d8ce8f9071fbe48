"""The page of an experiment: what its tables and figures say."""

import re
from collections.abc import Iterable

import pytest

from acrank.errors import MissingExtraError
from acrank.experiments.benchmark.run import Experiment
from acrank.experiments.validation import Validation
from acrank.report.builders.experiment import ExperimentReport
from acrank.report.builders.experiment_figures import scatter_plots, tau_plot
from acrank.report.builders.experiment_tables import accuracy_grid, tau_grid
from acrank.report.builders.experiment_words import (
    best_metric,
    mean_ceiling,
    notes,
    outcome,
    summary,
)
from acrank.report.builders.validation import means_table
from acrank.report.document import Cell, Figure, Table
from acrank.report.plotting import to_svg
from acrank.report.renderers.html import to_html
from tests.report.experiments import MODELS, make_experiment
from tests.report.renderers.parsed import Document, Element


def compared(done: Experiment) -> Validation:
    assert done.validation is not None
    return done.validation


def rows(grid: Table, *, foot: bool = False) -> dict[str, list[Cell]]:
    """Return the cells of the rows, or of those below them, by name."""
    return {
        str(name): [cell if isinstance(cell, Cell) else Cell(cell) for cell in cells]
        for name, *cells in (row.cells for row in grid.rows if row.foot is foot)
    }


def texts(cells: Iterable[Cell]) -> list[str]:
    return [cell.text for cell in cells]


def svg(figure: Figure) -> str:
    return to_svg(figure.drawing.draw(), "x", figure.title, figure.drawing.description)


def experiment_to_html(done: Experiment) -> str:
    return to_html(ExperimentReport(done).page())


def section(done: Experiment, name: str) -> Element:
    found = Document(experiment_to_html(done)).all("section")
    return next(element for element in found if element.attributes["id"] == name)


def test_accuracies_are_means_and_tell_their_spread() -> None:
    done = make_experiment(noise=0.0)
    grid = accuracy_grid(done)
    assert list(rows(grid)) == list(MODELS)
    assert [column.note for column in grid.columns[1:]] == ["cells", "tiles"]
    tiles = [cells[1] for cells in rows(grid).values()]
    assert texts(tiles) == ["0.950", "0.850", "0.750", "0.650", "0.550", "0.450"]
    shares = [cell.share for cell in tiles]
    assert shares == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2, 0.0])
    assert tiles[1].note == "0.8500 ± 0.0000, 2 seeds"
    assert texts(rows(grid, foot=True)["(ceiling)"]) == ["1.00", "1.00"]
    alone = accuracy_grid(make_experiment(noise=0.0, seeds=1))
    assert rows(alone)[MODELS[1]][0].note == "0.8500 one seed"
    assert texts(rows(alone, foot=True)["(ceiling)"]) == ["", ""]


def test_the_values_behind_the_tints_are_in_a_table() -> None:
    done = make_experiment(lrs=(0.01, 0.02))
    text = section(done, "accuracies").text
    mean, values = done.accuracies["tiles", "model-c"], done.by_seed["tiles", "model-c"]
    spread = abs(values[0] - values[1]) / 2**0.5
    assert f"tiles model-c {mean:.4f} {spread:.4f} 2 0.01" in text


@pytest.mark.parametrize(("noise", "marked"), [(5.0, True), (0.0, False)])
def test_a_low_ceiling_is_marked_in_words_too(noise: float, marked: bool) -> None:
    done = make_experiment(noise=noise, seeds=4)
    assert all((value < 0.5) is marked for value in done.ceilings.values())
    cells = rows(accuracy_grid(done), foot=True)["(ceiling)"]
    assert all(cell.text.endswith("!") is cell.low is marked for cell in cells)
    classes = Document(experiment_to_html(done)).all("td")
    assert any(cell.attributes.get("class") == "low" for cell in classes) is marked
    assert ("The ceiling is below 0.5" in section(done, "notes").text) is marked


def test_a_model_without_a_result_leaves_its_cell_empty() -> None:
    done = make_experiment()
    del done.accuracies["tiles", "model-b"], done.by_seed["tiles", "model-b"]
    found = rows(accuracy_grid(done))
    assert [cell.text == "" for cell in found["model-b"]] == [False, True]


def test_the_figure_has_every_metric_the_band_and_the_ceiling() -> None:
    done = make_experiment()
    picture = tau_plot(done, compared(done))
    assert picture is not None
    drawn = svg(picture)
    for words in ("log_me", "affine_shift ↓", "params *", "random lists"):
        assert f">{words}</text>" in drawn
    assert f">ceiling {mean_ceiling(done):.2f}</text>" in drawn
    assert "Line: 95 % interval, bootstrap over datasets and models" in picture.note
    names = list(rows(means_table(compared(done))))
    assert names[:2] == ["log_me", "affine_shift ↓"]
    assert "random lists" in names


def test_without_a_ceiling_none_is_drawn() -> None:
    done = make_experiment(seeds=1)
    picture = tau_plot(done, compared(done))
    assert picture is not None
    assert "ceiling" not in svg(picture).lower() + picture.note.lower()
    assert "ceiling" not in " ".join(outcome(done))


def test_metrics_without_a_tau_are_named_not_drawn() -> None:
    done = make_experiment(models=("a", "b", "c", "d"), failing=("a",))
    for ranking in done.rankings.values():
        assert [row.result.model for row in ranking.rows if "log_me" in row.result.scores]
    found = compared(done)
    assert not found.summary("log_me").datasets  # of two models
    picture = tau_plot(done, found)
    assert picture is not None
    assert ">log_me</text>" not in svg(picture)
    assert "Undefined, so not drawn: log_me." in picture.note
    assert rows(tau_grid(done, found))["log_me"][0].text == ""


def test_weighted_taus_are_tinted_from_zero_up() -> None:
    done = make_experiment(noise=0.0)
    found = compared(done)
    grid = tau_grid(done, found)
    names = [column.note for column in grid.columns[1:]]
    assert names == ["mean", "cells", "tiles"]
    log_me = rows(grid)["log_me"]
    assert texts(log_me) == ["1.00"] * 3
    assert log_me[0].share == 1.0
    by_name = {(row.metric, row.dataset): row for row in found.comparisons}
    for label, cells in rows(grid).items():
        for name, cell in list(zip(names, cells, strict=True))[1:]:
            row = by_name[label.split()[0], name]
            value = row.statistics["weighted_tau"].value
            assert float(cell.text) == pytest.approx(value, abs=0.006)
            assert cell.share == max(0.0, value)
            assert cell.note.startswith(f"{row.models} models; 95 % interval ")
    chance = by_name["random lists", "tiles"].statistics["weighted_tau"]
    feet = rows(grid, foot=True)
    assert list(feet) == ["random lists up to", "(ceiling)"]
    assert float(feet["random lists up to"][2].text) == pytest.approx(chance.high, abs=0.006)
    assert texts(feet["(ceiling)"]) == ["1.00"] * 3


def test_the_best_is_a_score_even_where_a_baseline_is_better() -> None:
    done = make_experiment(metrics=("knn", "params"), noise=0.0)
    found = compared(done)
    best = best_metric(found)
    assert best is not None
    assert best.metric == "knn"
    alone = best_metric(compared(make_experiment(metrics=("params",))))
    assert alone is not None
    assert alone.metric == "params"


def test_scores_are_drawn_with_better_ones_to_the_right() -> None:
    done = make_experiment(metrics=("affine_shift",), noise=0.0)
    best = best_metric(compared(done))
    assert best is not None
    first, second = scatter_plots(done, compared(done), best)
    assert (first.title, second.title) == ("cells", "tiles")
    assert "First by the score: model-a; by the accuracy: model-a." in first.note
    assert "affine_shift (lower is better, right)" in svg(first)
    mark = r'<use href="[^"]*" x="([\d.]+)" y="([\d.]+)" style="fill: var\(--accent'
    marks = re.findall(mark, svg(first))
    *dots, diamond = [(float(x), float(y)) for x, y in marks]
    assert diamond == max([*dots, diamond])  # best in both, right and up
    assert dots == sorted(dots, key=lambda dot: (dot[0], -dot[1]))
    assert len({*dots, diamond}) == 5
    # the last model lacks this score
    assert first.numbers is not None
    assert list(rows(first.numbers)) == list(MODELS[:-1])


def test_what_failed_is_told_with_the_reason() -> None:
    done = make_experiment(failing=MODELS[:2])
    text = section(done, "failed").text
    assert "model-a cells 0.01 0 out of memory" in text
    assert "model-b tiles failed: out of memory" in text
    assert "model-f tiles log_me too few features" in text
    sound = section(make_experiment(), "failed").text
    assert "No fine-tuning failed." in sound
    assert "Every model was scored on every dataset." in sound


def test_without_an_order_the_page_says_so() -> None:
    done = make_experiment(models=MODELS[:2])
    assert done.validation is None
    html = experiment_to_html(done)
    assert "There is nothing to compare" in html
    assert "Fewer than three models" in html
    assert "<svg" not in html


def test_settings_and_images_are_told_first() -> None:
    done = make_experiment(
        lrs=(0.01, 0.02), score={"lr": 0.1}, method="l2-sp", options={"alpha": 0.5}, measure="auroc"
    )
    facts = dict(summary(done))
    assert facts["method"] == "l2-sp (alpha=0.5)"
    assert facts["learning rates"] == "0.01, 0.02: best on validation images"
    assert (facts["seeds"], facts["epochs"]) == ("2", "5")
    assert facts["to predict"] == "test AUROC"
    assert facts["further settings"] == "score.lr=0.1"
    assert facts["images (training + test)"] == "cells: 120 + 80; tiles: 120 + 80"
    header = Document(experiment_to_html(make_experiment())).all("header")[0].text
    assert "0.01 (usual)" in header
    assert "log_me agrees best with the accuracy: mean weighted tau 1.00" in header


def test_the_same_experiment_gives_the_same_page() -> None:
    assert experiment_to_html(make_experiment()) == experiment_to_html(make_experiment())


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acrank.report.renderers.html.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"acrank\[report\]"):
        experiment_to_html(make_experiment())


def test_experiments_on_masks_speak_of_dice() -> None:
    done = make_experiment(noise=0.0, task="segmentation", measure="dice", image_size=64)
    text = Document(experiment_to_html(done)).all("body")[0].text
    for words in (
        "predict the fine-tuned Dice?",
        "Fine-tuned Dice values",
        "test Dice, mean of the foreground",
        "unet, 64 pixels",
        "log_me against the Dice",
        "accuracy: mean Dice of the foreground classes",
    ):
        assert words in text
    assert "accuracies" not in text.lower()
    assert "No model found any foreground" not in text
    nothing = make_experiment(task="segmentation", measure="dice")
    nothing.accuracies.update({key: 0.0 for key in nothing.accuracies if key[0] == "tiles"})
    assert "No model found any foreground: tiles." in " ".join(notes(nothing))
