"""``acrank list-zoo``: what the candidates are, without loading their weights."""

from __future__ import annotations

import enum
from typing import Annotated

import typer


class ListFormat(enum.StrEnum):
    """What is printed on stdout."""

    table = "table"
    csv = "csv"
    json = "json"
    md = "md"


def list_zoo(
    zoo: Annotated[
        str | None,
        typer.Option(help="A zoo file, or demo. [default: the packaged zoo]"),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Name or wildcard, of the zoo or else of timm; repeatable."),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="Only entries with this tag; repeatable: all of them.")
    ] = None,
    license_: Annotated[
        list[str] | None,
        typer.Option("--license", help="Only entries under this licence or wildcard; repeatable."),
    ] = None,
    max_params: Annotated[
        float | None, typer.Option(help="Only entries with at most so many million parameters.")
    ] = None,
    cached: Annotated[
        bool, typer.Option("--cached", help="Only entries whose weights are on this machine.")
    ] = False,
    trust_code: Annotated[
        bool,
        typer.Option("--trust-code", help="Allow zoo entries with a factory: to run their code."),
    ] = False,
    output: Annotated[ListFormat, typer.Option("--format", help="Of stdout.")] = ListFormat.table,
) -> None:
    """List the candidates of a zoo.

    Parameters, norm layers, input size, licence and whether the weights are on this machine;
    no weights are loaded and nothing is downloaded.
    """
    from acrank.report.zoo_table import print_zoo
    from acrank.zoo import read_zoo, select_entries
    from acrank.zoo.filters import ZooFilter, describe_all

    if zoo is None and model:
        entries = select_entries(None, model)
    else:
        listed = read_zoo(zoo or "default")
        entries = select_entries(listed, model) if model else listed.entries
    wanted = ZooFilter(tuple(tag or ()), tuple(license_ or ()), max_params, cached)
    print_zoo(describe_all(entries, wanted, trust_code=trust_code), output.value)
