"""``acrank cache``: the results that are kept between runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acrank.cli.output import Format, OutputFormat, show
from acrank.errors import ConfigError

if TYPE_CHECKING:
    from acrank.cache import Kept, ResultStore

cache = typer.Typer(
    help="List or remove the results that are kept between runs.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@cache.command("path")
def cache_path() -> None:
    """Print the folder of the kept results.

    Example: acrank cache path

    The environment variable ACRANK_CACHE names another cache folder.
    """
    typer.echo(str(_store().folder))


@cache.command("ls")
def cache_ls(
    model: Annotated[
        list[str] | None, typer.Option(help="Only models of this name or wildcard; repeatable.")
    ] = None,
    output: OutputFormat = Format.table,
) -> None:
    """List the kept results.

    Example: acrank cache ls --model "resnet*"
    """
    from acrank.report.builders.cache import CacheReport

    show(CacheReport(_chosen(_store(), model)), output)


@cache.command("rm")
def cache_rm(
    model: Annotated[
        list[str] | None, typer.Option(help="Models of this name or wildcard; repeatable.")
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(help="Only results that are at least this old, for example 12h or 30d."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Remove all kept results.")] = False,
) -> None:
    """Remove kept results.

    Example: acrank cache rm --older-than 30d

    Give --all, or select results by --model, --older-than or both.
    """
    if everything == bool(model or older_than):
        raise ConfigError(
            "Say which kept results to remove.", hint="Give --model, --older-than or --all."
        )
    store = _store()
    chosen = _chosen(store, model, older_than)
    size = sum(kept.size for kept in chosen)
    count = store.clear() if everything else store.remove(chosen)
    typer.echo(f"removed {count} result(s), {size / 1e6:.1f} MB")


def _store() -> ResultStore:
    from acrank.cache import ResultStore

    return ResultStore(tell=lambda text: typer.echo(f"note: {text}", err=True))


def _chosen(
    store: ResultStore, patterns: list[str] | None, older_than: str | None = None
) -> list[Kept]:
    import fnmatch
    import time

    from acrank.utils.duration import parse_duration

    try:
        age = float(str(parse_duration(older_than))) if older_than else 0.0
    except ValueError as error:
        raise ConfigError(f"--older-than '{older_than}': {error}.") from None
    latest = time.time() - age
    return [
        kept
        for kept in store
        if kept.modified <= latest
        and (not patterns or any(fnmatch.fnmatchcase(kept.model, p) for p in patterns))
    ]
