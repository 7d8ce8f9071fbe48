"""``acrank list-zoo``: what the candidates are, without loading their weights."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from acrank.cli.options import PriorDomain
from acrank.cli.output import Format, OutputFormat, show
from acrank.errors import ConfigError, ExitCode
from acrank.zoo.sources.registry import MODEL

if TYPE_CHECKING:
    from acrank.zoo import Hub, ZooEntry
    from acrank.zoo.hub.repository import HubFiles


class Order(enum.StrEnum):
    """The columns that rows can be sorted by."""

    name = "name"
    params = "params"
    macs = "macs"
    memory = "memory"
    size = "size"


def list_zoo(
    zoo: Annotated[
        str | None,
        typer.Option(help="A zoo file, or demo. [default: the packaged zoo]"),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help=f"Name or wildcard in the zoo; without --zoo {MODEL}; repeatable."),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(help="Only entries with this tag; if repeated, entries need all tags."),
    ] = None,
    license_: Annotated[
        list[str] | None,
        typer.Option(
            "--license",
            help="Only entries under these licences: names, wildcards or permissive; repeatable, "
            "or separated by commas.",
        ),
    ] = None,
    min_params: Annotated[
        float | None,
        typer.Option(min=0, help="Only entries with at least this many million parameters."),
    ] = None,
    max_params: Annotated[
        float | None, typer.Option(help="Only entries with at most this many million parameters.")
    ] = None,
    max_macs: Annotated[
        float | None,
        typer.Option(min=0, help="Only entries with at most this many billion MACs per image."),
    ] = None,
    cached: Annotated[
        bool, typer.Option("--cached", help="Only entries whose weights are on this machine.")
    ] = False,
    costs: Annotated[
        bool,
        typer.Option("--costs", help="Also show MACs and memory; this takes about twice as long."),
    ] = False,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Batch size for which --costs estimates the memory.")
    ] = 32,
    sizes: Annotated[
        bool,
        typer.Option(
            "--sizes", help="Ask the hub for the size of weights that are not on this machine."
        ),
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not contact the hub, even with --sizes.")
    ] = False,
    priors: Annotated[
        bool,
        typer.Option(
            "--priors",
            help="Also show what published results and facts say of each model, without an image.",
        ),
    ] = False,
    domain: PriorDomain = None,
    sort: Annotated[
        Order | None,
        typer.Option(help="Sort by this column, in ascending order. [default: as in the zoo]"),
    ] = None,
    trust_code: Annotated[
        bool,
        typer.Option("--trust-code", help="Allow entries with a factory: to run their own code."),
    ] = False,
    output: OutputFormat = Format.table,
) -> None:
    """List the candidates of a zoo.

    Example: acrank list-zoo --license permissive --max-params 30 --sort params

    The table shows parameters, norm layers, input size, licence and whether the weights are on
    this machine; options add MACs, memory and the size of the weights. The command loads no
    weights and downloads nothing. If an entry cannot be described, its row gives the reason, and
    the exit code is 3.
    """
    from acrank.priors import book, domain_text
    from acrank.report.builders.zoo import ZooReport
    from acrank.zoo import Hub, read_zoo, select_entries
    from acrank.zoo.filters import ZooFilter, in_order, list_entries
    from acrank.zoo.listing import Lister

    if domain and not priors:
        raise ConfigError("--domain changes priors alone.", hint="Add --priors, or omit it.")
    if zoo == "":  # of a variable that is not set
        raise ConfigError("--zoo is empty.", hint="Give a zoo file, or leave it out.")
    if zoo is None and model:
        entries = select_entries(None, model)
    else:
        listed = read_zoo(zoo or "default")
        entries = select_entries(listed, model) if model else listed.entries
    wanted = ZooFilter(
        tags=tuple(tag or ()),
        licenses=tuple(license_ or ()),
        min_params_m=min_params,
        max_params_m=max_params,
        max_macs_g=max_macs,
        cached=cached,
    )
    hub = Hub(offline=offline or not sizes)
    told = costs or max_macs is not None or sort in (Order.macs, Order.memory)
    pages = book() if priors else None
    memory = batch_size if told else None
    lister = Lister(hub, trust_code, memory, _ask(entries, hub), pages, domain)
    rows = in_order(list_entries(entries, wanted, lister), sort)
    show(ZooReport(rows, domain_text(domain, book()) if domain else ""), output)
    if any(row.reason for row in rows):
        raise typer.Exit(ExitCode.SOME_FAILED)


def _ask(entries: tuple[ZooEntry, ...], hub: Hub) -> Mapping[HubFiles, int]:
    """Sizes of weights on the hub; what it cannot tell is said on stderr."""
    from acrank.utils.visible import visible
    from acrank.zoo.listing import ask_sizes

    if hub.offline:
        return {}
    known, reasons = ask_sizes(entries, hub)
    for reason in reasons:
        typer.echo(f"note: size not known: {visible(reason)}", err=True)
    return known
