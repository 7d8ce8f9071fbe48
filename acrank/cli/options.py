"""Options of commands, made from the fields of a configuration, and help in titled groups."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from typer.models import ArgumentInfo

from acrank.errors import ConfigError
from acrank.fields import DATA, domain_setting
from acrank.priors.domains import DOMAINS
from acrank.tasks.registry import TASKS
from acrank.utils.described import described, help_text, option_of, taken_as
from acrank.utils.settings import Settings

# Title of the option for settings of the parts of a command.
PARTS = "Fine-tuning"
_VALUES = {int: "N", float: "X", str: "TEXT", Path: "FILE"}

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="YAML file with settings, named as in docs/cli.md; options override it.",
        rich_help_panel=DATA,
    ),
]
PriorDomain = Annotated[
    Literal[DOMAINS] | None,  # type: ignore[valid-type]
    typer.Option(
        "--domain",
        metavar="NAME",
        help=domain_setting(DATA).help,
        show_default=False,
    ),
]
FurtherSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="finetune.NAME=VALUE",
        help="Further setting, named as in acrank finetune, or score.NAME=VALUE as in acrank "
        "score; repeatable.",
        rich_help_panel=PARTS,
    ),
]


def further(given: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Settings of fine-tuning and scoring that have no option of their own, as YAML says them.

    Raises:
        ConfigError: a text is no setting of either.
    """
    import yaml

    found: dict[str, dict[str, Any]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        part, dot, field = name.partition(".")
        if not equals or not dot or part not in ("finetune", "score"):
            raise ConfigError(
                f"--set {text!r} is not a setting.",
                hint="Write finetune.NAME=VALUE or score.NAME=VALUE.",
            )
        found.setdefault(part, {})[field] = yaml.safe_load(value)
    return found


def with_options(
    fields: type[Settings], command: str, into: str = "settings"
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for every field of a configuration.

    What was given on the command line is passed on as a dictionary by field. An option that the
    command declares itself is left to it. A setting that is not for the command is refused, with
    the reason that the field states.

    Args:
        fields: the configuration.
        command: name of the command.
        into: the command's parameter that takes the dictionary.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        parameters = inspect.signature(function, eval_str=True).parameters
        own = {_declared(name, one.annotation) for name, one in parameters.items()}
        names = [n for n, one in described(fields).items() if one.option is not None]
        names = [name for name in names if option_of(fields, name) not in own]
        made = [_parameter(fields, name, command) for name in _grouped(fields, names)]

        @functools.wraps(function)
        def run(**options: Any) -> None:
            values = {name: options.pop(name) for name in names}
            settings = {n: v for n, v in values.items() if v is not None and v != []}
            for name in settings:
                _refuse(fields, name, command)
            function(**{into: settings}, **options)

        place = list(parameters).index(into)
        others = [one.replace(kind=one.KEYWORD_ONLY) for one in parameters.values()]
        listed = [*others[:place], *made, *others[place + 1 :]]
        run.__signature__ = inspect.Signature(listed)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in listed}
        return run

    return decorate


def _declared(name: str, annotation: Any) -> str:
    """The option that a parameter of a command is, as the command declares it."""
    for one in getattr(annotation, "__metadata__", ()):
        if isinstance(one, ArgumentInfo):
            return ""
        if isinstance(getattr(one, "default", None), str):  # where typer keeps the first name
            return str(one.default).partition("/")[0]
    return "--" + name.replace("_", "-")


def _grouped(fields: type[Settings], names: list[str]) -> list[str]:
    """Names by group, in the order in which the configuration has the groups."""
    groups = list(dict.fromkeys(described(fields)[name].group for name in names))
    return sorted(names, key=lambda name: groups.index(described(fields)[name].group))


def _parameter(fields: type[Settings], name: str, command: str) -> inspect.Parameter:
    setting, about = described(fields)[name], fields.model_fields[name]
    taken, option = taken_as(about), option_of(fields, name)
    if taken is bool and about.default is True:
        option = f"{option}/--no-{option.removeprefix('--')}"
    declared = typer.Option(
        option,
        help=help_text(fields, name, TASKS),
        metavar=setting.metavar or _metavar(taken),
        rich_help_panel=setting.group,
        show_default=False,
        hidden=command in setting.not_for,
    )
    annotation = Annotated[taken | None, declared]  # type: ignore[valid-type]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _metavar(taken: Any) -> str | None:
    """Return the word for a value in the help; None leaves choices and switches to typer."""
    return _VALUES.get(get_args(taken)[0] if get_origin(taken) is list else taken)


def _refuse(fields: type[Settings], name: str, command: str) -> None:
    reason = described(fields)[name].not_for.get(command)
    if reason:
        raise ConfigError(
            f"{option_of(fields, name)} cannot be used with acrank {command}: {reason}.",
            hint="Omit it.",
        )
