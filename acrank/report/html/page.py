"""The page as a whole."""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from acrank import __version__
from acrank.errors import MissingExtraError
from acrank.report import ranking_facts as facts
from acrank.report.html.costs import cost_plots
from acrank.report.html.dots import dot_plot
from acrank.report.html.heat import rank_heat
from acrank.report.html.profiles import NOTE as PROFILES_NOTE
from acrank.report.html.profiles import layer_profiles
from acrank.report.plotting import require_plotting
from acrank.report.ranking_text import reading_notes
from acrank.report.repeat import SETTINGS_FILE, repeat
from acrank.results import Ranking
from acrank.utils.visible import visible

if TYPE_CHECKING:
    from jinja2 import Environment

    from acrank.report.html.thumbnails import Gallery

FEATURE = "A report as HTML"


def require_html() -> None:
    """Refuse a page before any work is done where a package for it is missing.

    Raises:
        MissingExtraError: Jinja or matplotlib is not installed.
    """
    if find_spec("jinja2") is None:
        raise MissingExtraError(FEATURE, "report")
    require_plotting(FEATURE)


def to_html(ranking: Ranking, gallery: Gallery | None = None) -> str:
    """A ranking as one HTML file that needs nothing else and runs no script.

    Args:
        ranking: to show.
        gallery: images of its sample; None for none.

    Raises:
        MissingExtraError: Jinja or matplotlib is not installed.
    """
    require_html()
    return render("page.html.j2", _content(ranking) | {"gallery": gallery})


def render(template: str, content: dict[str, Any]) -> str:
    """A page of this package's templates.

    Args:
        template: its file.
        content: by name, as the template says.
    """
    return _environment().get_template(template).render(content, version=__version__) + "\n"


def _content(ranking: Ranking) -> dict[str, Any]:
    return {
        "heading": facts.heading(ranking),
        "outcome": facts.outcome(ranking),
        "caveat": facts.CAVEAT,
        "summary": facts.summary(ranking),
        "dots": dot_plot(ranking),
        "costs": cost_plots(ranking),
        "table_of_ranking": facts.ranking_table(ranking),
        "notes": [*ranking.warnings, *reading_notes(ranking)],
        "guards": facts.guards_table(ranking),
        "particulars": facts.particulars_table(ranking),
        "heat": rank_heat(ranking),
        "values": facts.metrics_table(ranking),
        "legend": facts.metrics_legend(ranking),
        "profiles": layer_profiles(ranking),
        "profiles_note": PROFILES_NOTE,
        "run": facts.run_tables(ranking),
        "repeat": repeat(ranking.record),
        "settings_file": SETTINGS_FILE,
    }


def _environment() -> Environment:
    """Everything is escaped, and what a reader could not see is shown as escapes."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("acrank.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = files("acrank.report.html").joinpath("style.css").read_text(encoding="utf-8")
    environment.globals["style"] = Markup(style)
    environment.filters["drawn"] = Markup  # of our own making: to_svg has escaped what is in it
    return environment


def _shown(value: Any) -> Any:
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return visible(value, keep="\n")
    return value
