from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from acrank.errors import ConfigError
from acrank.report.builders.explanation_figures import check_figure, draw, panels
from acrank.report.renderers.terminal import plain
from acrank.scoring.inspection import Explanation
from acrank.scoring.inspection.types import Floats
from tests.report.builders.test_explanation import make, make_layer
from tests.report.builders.test_hostile_names import NAMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

pytest.importorskip("matplotlib")


def network(count: int) -> Explanation:
    return make(
        *(make_layer(f"net.block{i}.bn", i, tied=i == 1, swamped=i == 2) for i in range(count))
    )


def heights(axes: Axes) -> list[Floats]:
    return [np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.get_lines()]


@pytest.mark.parametrize(("count", "named"), [(3, 3), (56, 56), (130, 44)])
def test_every_layer_has_a_place_and_not_too_many_have_names(count: int, named: int) -> None:
    above, below = panels(network(count)).draw().axes
    for axes in (above, below):
        assert axes.get_xlim() == (-0.5, count - 0.5)
        assert all(len(y) == count for y in heights(axes))
    labels = [label.get_text() for label in below.get_xticklabels()]
    assert len(labels) == named
    assert labels[0] == "block0.bn"  # what all names begin with is left out


def test_the_lines_are_the_numbers_and_silent_layers_are_marked() -> None:
    explained = network(9)
    above, below = panels(explained).draw().axes
    zero, kept = heights(above)
    assert kept[4] == explained.layers[4].correlation.kept_mean
    assert zero[4] == explained.layers[4].zero_mean
    assert kept[1] != kept[1]
    spread, drift = heights(below)
    assert (spread[3], drift[3]) == (0.5, explained.layers[3].drift)
    _, labels = above.get_legend_handles_labels()
    assert {"tied: no information", "swamped: no information"} <= set(labels)
    dead = np.asarray(above.collections[0].get_offsets(), dtype=np.float64)
    assert dead[:, 0].tolist() == [
        i for i, layer in enumerate(explained.layers) if layer.correlation.dead
    ]


def test_without_a_number_the_panel_says_so() -> None:
    explained = make(*(make_layer(f"l{i}", i, tied=True) for i in range(3)), undefined="tied.")
    above, _ = panels(explained).draw().axes
    assert [text.get_text() for text in above.texts] == ["undefined"]
    assert draw(explained, ".png").startswith(b"\x89PNG")


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_hostile_names_are_shown_and_the_file_is_the_same_again(ending: str) -> None:
    names = (*NAMES, "$\\frac{", "x" * 300)
    layers = [make_layer(f"a.{name}", index) for index, name in enumerate(names)]
    explained = make(*layers, model="$\\undefined$")
    assert draw(explained, ending) == draw(explained, ending)
    labels = panels(explained).draw().axes[1].get_xticklabels()
    assert plain(NAMES[11]).plain in [label.get_text() for label in labels]
    assert all(len(label.get_text()) <= 32 for label in labels)


def test_unknown_endings_are_refused() -> None:
    with pytest.raises(ConfigError, match="Known endings"):
        check_figure(Path("a.jpeg"))
    check_figure(Path("a.PNG"))
