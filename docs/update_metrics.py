"""Write what the program says of its metrics into ``docs/metrics.md``; run it after a change."""

from __future__ import annotations

from pathlib import Path

from acrank.metrics.guards import GUARDS
from acrank.metrics.metric import CLASSIFICATION, KINDS, Metric
from acrank.metrics.registry import CONSENSUS_DEFAULT, DEFAULT, METRICS

PAGE = Path(__file__).with_name("metrics.md")
ROLES = {
    "score": "score",
    "control": "control",
    "baseline": "baseline",
    "part": "part of a score that is relative to the zoo",
}


def describe(metric: Metric) -> str:
    """A metric in five lines of Markdown."""
    arrow = "higher" if metric.higher_is_better else "lower"
    from_what = KINDS[metric.kind].source
    if metric.needs:
        from_what += ", with " + " and ".join(n.replace("_", " ") for n in metric.needs)
    if metric.parts:
        parts = (f"{weight:+g} `{name}`" for name, weight in metric.parts.items())
        from_what += f" ({', '.join(parts)}, each scaled to 0..1)"
    role = ROLES[metric.role] + (f", another form of `{metric.form_of}`" if metric.form_of else "")
    tasks = "" if metric.tasks == (CLASSIFICATION,) else f" For {' and '.join(metric.tasks)}."
    price = {"extra": "by name only: it needs further passes", "dear": "slow"}
    cost = f"; {price[metric.cost]}" if metric.cost in price and metric.kind != "facts" else ""
    return "\n".join(
        [
            f"### {metric.name}",
            "",
            f"- **Measures:** {metric.summary}.",
            f"- **Range:** {metric.bounds}, {arrow} is better ({role}).",
            f"- **From:** {from_what}{cost}.{tasks}",
            f"- **Distrust it:** {metric.distrust}",
            f"- **Reference:** {metric.reference.rstrip('.')}.",
        ]
    )


def guards() -> str:
    """The guards as a Markdown table."""
    rows = [f"| `{name}` | {text} |" for name, text in GUARDS.items()]
    return "\n".join(["| guard | what it says of the number |", "| --- | --- |", *rows])


def default() -> str:
    """Name the score that orders the table unless another one is asked for."""
    voters = " and ".join(f"`{name}`" for name in CONSENSUS_DEFAULT)
    return (
        f"`acrank score` ranks by [`{DEFAULT}`](#{DEFAULT}) and always computes AC-Corr in its "
        f"three forms. With no `--metric`, a consensus combines {voters}."
    )


def render(page: str) -> str:
    """The page with its generated parts made anew."""
    page = _between(page, "guards", guards())
    page = _between(page, "default", default())
    return _between(page, "metrics", "\n\n".join(map(describe, METRICS.values())))


def _between(page: str, name: str, text: str) -> str:
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
