"""Metadata of configuration fields: help, group, option, tasks, and what depends on them."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Protocol, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo


class Effect(enum.StrEnum):
    """The effect of a setting, from which cache keys, comparisons and repeats follow."""

    NETWORK = "the network's outputs, and so every number of a model"
    NUMBERS = "the sample, or numbers that are computed from the network's outputs"
    ADMISSION = "whether a model is accepted"
    RANKING = "the ranking, but no number of a model"
    CHOICE = "the data, models or hardware; runs are compared by what was really used"
    NOTHING = "no result, only how the run is carried out"

    @property
    def keyed(self) -> bool:
        """Return whether a kept result of another value is of no use."""
        return self in (Effect.NETWORK, Effect.NUMBERS, Effect.ADMISSION)

    @property
    def held_equal(self) -> bool:
        """Return whether two runs can be compared only if they agree in it."""
        return self in (Effect.NETWORK, Effect.NUMBERS, Effect.RANKING)


# Gives the words that a setting takes.
Words = Callable[[], tuple[str, ...]]


class Kind(Protocol):
    """The facts about a task that decide which settings it has."""

    @property
    def whole_images(self) -> bool:
        """Return whether labels are of whole images."""
        ...

    @property
    def dimensions(self) -> int:
        """Dimensions of an image, 2 or 3."""
        ...


@dataclass(frozen=True)
class Setting:
    """Describes a field: ``samples: Annotated[int, Setting("Images to draw.", "Sample")] = 256``.

    Attributes:
        help: what it sets, in one sentence.
        group: title above its option in the help of a command.
        effect: what depends on it.
        option: its option; empty for that of the field's name, None where a command reads it in
            a way of its own.
        metavar: what stands for its value in the help; empty for that of its type.
        default: its default in words, where the field's value does not say it.
        words: gives the words that it takes, where registries know them; None for its type's.
        usual: gives the value that is usual for a task, where that is another than the default.
        pixels: whether it is for tasks alone whose labels are of pixels or voxels.
        dimensions: of the images that it is for alone; None for 2 and 3.
        units: whether it is for images alone whose pixels have units.
        of_features: whether it has a meaning where features on disk are ranked again.
        decides: settings of other configurations that this one decides, such as ``finetune.lr``.
        not_for: commands that have no such option, and why.
    """

    help: str
    group: str
    effect: Effect = Effect.NETWORK
    option: str | None = ""
    metavar: str = ""
    default: str = ""
    words: Words | None = None
    usual: Callable[[Any], Any] | None = None
    pixels: bool = False
    dimensions: int | None = None
    units: bool = False
    of_features: bool = False
    decides: tuple[str, ...] = ()
    not_for: Mapping[str, str] = field(default_factory=dict, hash=False)

    def is_for(self, task: Kind) -> bool:
        """Return whether it has a meaning for a task."""
        return self.fits(task) and not (self.pixels and task.whole_images)

    def fits(self, task: Kind) -> bool:
        """Return whether it is for images of such dimensions."""
        return self.dimensions in (None, task.dimensions)

    @property
    def of_some_data(self) -> bool:
        """Return whether it is for some tasks or some images alone."""
        return self.pixels or self.units or self.dimensions is not None


@cache
def described(fields: type[BaseModel]) -> dict[str, Setting]:
    """The settings of a configuration by field, in its order; fields without one are left out."""
    found = {}
    for name, about in fields.model_fields.items():
        settings = [one for one in about.metadata if isinstance(one, Setting)]
        found.update({name: settings[-1]} if settings else {})
    return found


def option_of(fields: type[BaseModel], name: str) -> str:
    """The option of a field, such as ``--model`` of ``models``."""
    setting = described(fields).get(name)
    return (setting and setting.option) or "--" + name.replace("_", "-")


def options_text(fields: type[BaseModel], names: Iterable[str]) -> str:
    """The options of some fields, between commas."""
    return ", ".join(option_of(fields, name) for name in names)


def taken_as(about: FieldInfo) -> Any:
    """The type as which the command line takes a field; text where the configuration parses it.

    Returns:
        ``bool``, ``int``, ``float``, ``str``, a ``Literal`` of words, or a list of one of these.
    """
    words = next((one.words for one in about.metadata if isinstance(one, Setting)), None)
    return Literal[words()] if words else _taken(about.annotation, about.metadata)


def _taken(annotation: Any, metadata: Iterable[object]) -> Any:
    if any(isinstance(one, BeforeValidator) for one in metadata):
        return str
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _taken(parts[0], parts[1:])
    if origin in (Union, UnionType):
        others = [part for part in parts if part is not NoneType]
        return _taken(others[0], ()) if len(others) == 1 else str
    if origin is tuple:
        return list[_taken(parts[0], ())] if parts[1:] == (...,) else str  # type: ignore[misc]
    return annotation


def help_text(fields: type[BaseModel], name: str, tasks: Mapping[str, Any] | None = None) -> str:
    """The sentence on a field, with its default in brackets.

    Args:
        fields: the configuration.
        name: of the field.
        tasks: by name, to say which have usual values of their own.
    """
    about, setting = fields.model_fields[name], described(fields)[name]
    words, last = [setting.default or _text(name, about)], about.default
    for key, task in (tasks or {}).items():
        if not setting.fits(task):
            continue
        usual = setting.usual(task) if setting.usual else last
        if usual != last:
            words, last = [*words, f"{key}: {usual}"], usual
    usual = "; ".join(filter(None, words))
    return f"{setting.help} [default: {usual}]" if usual else setting.help


def _text(name: str, about: FieldInfo) -> str:
    value = about.default
    if about.is_required() or about.default_factory or value in (None, ()):
        return ""
    if isinstance(value, bool):
        return name if value else ""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def given(config: BaseModel, names: Iterable[str]) -> dict[str, Any]:
    """Those of some settings that somebody has set, with their values; not to None."""
    values = {name: getattr(config, name) for name in names if name in config.model_fields_set}
    return {name: value for name, value in values.items() if value is not None}


@cache
def decided(own: type[BaseModel], part: str, fields: type[BaseModel]) -> dict[str, str]:
    """Return the settings of a part that a larger configuration decides, by the part's fields.

    They are those that its fields state (:attr:`Setting.decides`), and those that both share for
    all tasks.

    Args:
        own: the larger configuration, such as that of an experiment.
        part: the part, such as ``finetune``.
        fields: the configuration of the part.
    """
    mine, others = described(own), described(fields)
    same = (n for n, one in mine.items() if one is others.get(n) and not one.of_some_data)
    stated = ((path, name) for name, one in mine.items() for path in one.decides)
    named = {path.removeprefix(f"{part}."): n for path, n in stated if path.startswith(f"{part}.")}
    return {**{name: name for name in same}, **named}
