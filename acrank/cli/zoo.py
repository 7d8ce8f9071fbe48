"""``acrank zoo``: checking a zoo file, pinning what it names, adding to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acrank.cli.output import Format, OutputFormat, show
from acrank.errors import ExitCode
from acrank.zoo.sources.registry import MODEL

if TYPE_CHECKING:
    from acrank.zoo import Hub

zoo = typer.Typer(
    help="Check or pin the entries of a zoo file, or add models to it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Offline = Annotated[
    bool, typer.Option("--offline", help="Do not contact the hub; use only its local cache.")
]
TrustCode = Annotated[
    bool, typer.Option("--trust-code", help="Allow entries with a factory: to run their own code.")
]


@zoo.command("check")
def zoo_check(
    file: Annotated[str, typer.Argument(help="Zoo file; also default or demo.")],
    pin: Annotated[
        bool,
        typer.Option("--pin", help="Write commits and SHA-256 of the weights into the file."),
    ] = False,
    offline: Offline = False,
    trust_code: TrustCode = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Also exit with code 3 on warnings.")
    ] = False,
    output: OutputFormat = Format.table,
) -> None:
    """Check every entry of a zoo file, without loading weights.

    Example: acrank zoo check zoo.yaml --pin

    The command checks names, files, SHA-256 and licences, whether the network can be built and
    the weights fit it, and whether sources on the hub are pinned. It checks files in the hub's
    local cache there; for others it asks the hub, and downloads only descriptions.

    Exit codes: 0 ok, 2 the file cannot be used at all, 3 an entry has an error.
    """
    from acrank.report.builders.zoo import CheckReport
    from acrank.zoo.files.pinning import check_zoo, pin_zoo

    hub = _hub(offline)
    report = check_zoo(file, hub, trust_code=trust_code, tell=_note)
    try:
        if pin:
            _note(pin_zoo(report))
    finally:
        show(CheckReport(report.checks), output)
    bad = ("error", "warning") if strict else ("error",)
    if any(checked.status in bad for checked in report.checks):
        raise typer.Exit(ExitCode.SOME_FAILED)


@zoo.command("add")
def zoo_add(
    file: Annotated[Path, typer.Argument(help="Zoo file; it is created if it does not exist.")],
    model: Annotated[
        list[str] | None,
        typer.Argument(help=f"Models, each {MODEL}; names may hold wildcards."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the model in reports. [default: from its source]")
    ] = None,
    arch: Annotated[
        str | None, typer.Option(help="A timm architecture to load --weights into.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Checkpoint file, or hf-hub:ORG/NAME[@REVISION]/FILE.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="Tag of the new entries; repeatable.")
    ] = None,
    license_: Annotated[
        str | None, typer.Option("--license", help="Licence of the weights.")
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="Any other field, in YAML: mean=[0.5,0.5,0.5], input_size=96, note=...; "
            "repeatable.",
        ),
    ] = None,
    pin: Annotated[
        bool,
        typer.Option("--pin/--no-pin", help="Pin the models to their current commit or SHA-256."),
    ] = True,
    offline: Offline = False,
) -> None:
    """Add models at the end of a zoo file, written like its last entry.

    Example: acrank zoo add zoo.yaml resnet50.a1_in1k --tag baseline

    The models are first checked as by acrank zoo check; if one has an error, the file does not
    change. Relative paths start at the working folder and are written relative to the zoo file.
    """
    from acrank.utils.visible import visible
    from acrank.zoo.files.adding import Request, add_entries

    words = {"tags": tag or None, "license": license_}
    request = Request(tuple(model or ()), name, arch, weights, words, tuple(field or ()))
    added = add_entries(file, request, _hub(offline), pin=pin, tell=_note)
    typer.echo(visible(added.replace("\r\n", "\n").strip("\n"), keep="\n"))


def _hub(offline: bool) -> Hub:
    from acrank.zoo import Hub

    return Hub(offline=offline)


def _note(text: str) -> None:
    from acrank.utils.visible import visible

    typer.echo(f"note: {visible(text)}", err=True)
