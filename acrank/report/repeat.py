"""The command that makes a ranking again, from what its result says of the run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, get_origin

from pydantic import ValidationError

from acrank.config import RunConfig
from acrank.results.difference import settings_of
from acrank.results.file import CHOICE
from acrank.tasks.registry import TASKS
from acrank.utils.described import described, option_of, taken_as
from acrank.utils.settings import Settings


@dataclass(frozen=True)
class Repeat:
    """The command that makes a ranking again.

    Attributes:
        words: the command, word by word; empty where it cannot be told.
        note: what else is needed, or why it cannot be told.
    """

    words: tuple[str, ...]
    note: str = ""

    @property
    def command(self) -> str:
        """Return the command for a POSIX shell, one option per line."""
        lines: list[list[str]] = []
        for word in self.words:
            if word.startswith("-") or not lines:
                lines.append([])
            lines[-1].append(word)
        return " \\\n  ".join(shlex.join(line) for line in lines)


def repeat(record: Mapping[str, Any]) -> Repeat:
    """The command of a run.

    Args:
        record: of a ranking.
    """
    config = record.get("config")
    if not isinstance(config, Mapping):
        return Repeat((), note="The result does not record how it was made.")
    merged = record.get("merged")
    if isinstance(merged, Sequence) and merged:
        files = [str(part.get("file")) for part in merged if isinstance(part, Mapping)]
        note = "Each of these files comes from its own run; acrank report shows how to repeat it."
        return Repeat(("acrank", "merge", *_files(files)), note=note)
    try:
        if record.get("schema") == CHOICE:
            return _of_race(config, record)
        return _of_features(config) if "from_features" in config else _of_run(config)
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"]))
        return Repeat((), note=f"The result's configuration cannot be read: {field}.")


def repeat_explanation(record: Mapping[str, Any], model: str) -> Repeat:
    """The command of an explanation.

    Args:
        record: of the explanation.
        model: that it is of.
    """
    config = record["config"]
    settings = described(RunConfig)
    idle = {name for name, setting in settings.items() if "explain" in setting.not_for}
    given = {name: config[name] for name in config if name not in idle}
    return _of_run(given, "explain", model)


def _files(names: Sequence[str]) -> list[str]:
    return [f"./{name}" if name.startswith("-") else name for name in names]


def _of_run(config: Mapping[str, Any], *command: str) -> Repeat:
    checked = RunConfig.model_validate(dict(config))
    words = [*_words(RunConfig, "data", checked.data), *_changed(checked)]
    return Repeat(("acrank", *(command or ("score",)), *words))


def _of_race(config: Mapping[str, Any], record: Mapping[str, Any]) -> Repeat:
    fields = settings_of(record)
    checked = fields.model_validate(dict(config))
    words = [*_words(fields, "data", config["data"]), *_changed(checked)]
    folder = _pair("--output", str(record["folder"])) if "folder" in record else ()
    return Repeat(("acrank", "choose", *words, *folder))


def _of_features(config: Mapping[str, Any]) -> Repeat:
    folder = str(config["from_features"])
    names = [name for name, setting in described(RunConfig).items() if setting.of_features]
    given = {name: config[name] for name in names if name in config}
    checked = RunConfig.model_validate({"data": folder, **given})
    words = [*_pair("--from-features", folder), *_changed(checked)]
    if "--seed" not in words:  # without one, that of the features would be taken
        words += _words(RunConfig, "seed", checked.seed)
    return Repeat(("acrank", "score", *words))


def _changed(config: Settings) -> list[str]:
    """Options for the settings that are not the defaults."""
    fields = type(config)
    names = (name for name in fields.model_fields if name != "data" and _is_set(config, name))
    return [word for name in names for word in _words(fields, name, getattr(config, name))]


def _is_set(config: Settings, name: str) -> bool:
    if getattr(config, name) is None:
        return False
    fields, task = type(config), getattr(config, "task", None)
    usual = described(fields)[name].usual
    default = fields.model_fields[name].get_default(call_default_factory=True)
    same_name = (known for known in TASKS.values() if known.name == task)
    if usual and any(usual(known) != default for known in same_name):
        return True  # the task has a usual value of its own, which the field does not know
    return bool(getattr(config, name) != default)


def _words(fields: type[Settings], name: str, value: Any) -> list[str]:
    option, taken = option_of(fields, name), taken_as(fields.model_fields[name])
    if isinstance(value, bool):
        return [option if value else f"--no-{option.removeprefix('--')}"]
    if isinstance(value, Mapping):  # settings of a part
        return [
            word for key, one in value.items() for word in ("--set", f"{name}.{key}={_text(one)}")
        ]
    values = value if isinstance(value, tuple) else (value,)
    if get_origin(taken) is not list:  # several numbers in one word
        return list(_pair(option, ",".join(map(_text, values))))
    return [word for part in values for word in _pair(option, _text(part))]


def _pair(option: str, value: str) -> tuple[str, ...]:
    """Join option and value where the value could be taken for another option."""
    return (f"{option}={value}",) if value.startswith("-") else (option, value)


def _text(value: Any) -> str:
    """A number in digits alone: durations are read without exponents."""
    return f"{Decimal(repr(value)):f}" if isinstance(value, float) else str(value)
