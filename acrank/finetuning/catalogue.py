"""List the methods of fine-tuning with their options and learning rates. No torch here."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from acrank.errors import ConfigError
from acrank.utils.plugins import Registry

Option = float | int | str | bool


# Advice where a network diverged.
SMALLER_RATE = "A smaller --lr may help."


@dataclass(frozen=True)
class MethodEntry:
    """A method of fine-tuning.

    Attributes:
        name: name that users write.
        summary: summary in one line.
        source: paper that defines the method.
        target: class of the method as ``module:class``, derived from
            :class:`acrank.finetuning.methods.base.Method`; made with the options.
        options: options with their defaults.
        lr: usual learning rate of the backbone, by SGD with momentum.
        masks: True if it is defined where every pixel has a label.
    """

    name: str
    summary: str
    source: str
    target: str
    options: dict[str, Option] = field(default_factory=dict)
    lr: float = 0.01
    masks: bool = True


_HOME = "acrank.finetuning.methods"
_ENTRIES = (
    MethodEntry("full", "all weights, plain fine-tuning", "-", f"{_HOME}.plain:Full"),
    MethodEntry(
        "ac-norm",
        "all weights, every BatchNorm as AC-Norm",
        "Zhang et al., arXiv 2307.15282",
        f"{_HOME}.ac_norm:AcNorm",
        {"temperature": 1.0, "authors": False, "norms": "batch"},
        lr=0.003,  # the best mean of four rates: benchmarks/transfer
    ),
    MethodEntry(
        "bn-only",
        "scale and shift of every BatchNorm, and the head",
        "Kanavati and Tsuneki, Partial transfusion, arXiv 2102.05543",
        f"{_HOME}.plain:BnOnly",
        {"bn_mode": "eval", "norms": "batch"},
    ),
    MethodEntry("head", "the head alone, on frozen features", "-", f"{_HOME}.plain:Head"),
    MethodEntry(
        "l2-sp",
        "all weights, drawn towards the pretrained ones",
        "Li et al., ICML 2018, arXiv 1802.01483",
        f"{_HOME}.l2_sp:L2SP",
        {"alpha": 0.1, "beta": 0.01},
    ),
    MethodEntry(
        "delta",
        "all weights, feature maps held near the source's by attention",
        "Li et al., ICLR 2019, arXiv 1901.09229",
        f"{_HOME}.delta:Delta",
        {"alpha": 0.01, "beta": 0.01, "attention_images": 32},
    ),
    MethodEntry(
        "bss",
        "all weights, smallest singular values of the features penalised",
        "Chen et al., NeurIPS 2019",
        f"{_HOME}.bss:BatchSpectralShrinkage",
        {"eta": 0.001, "k": 1},
    ),
    MethodEntry(
        "stochnorm",
        "all weights, batch or running statistics drawn for every channel",
        "Kou et al., NeurIPS 2020",
        f"{_HOME}.stochnorm:StochNorm",
        {"p": 0.5},
    ),
    MethodEntry(
        "co-tuning",
        "all weights and the source head, by how classes relate",
        "You et al., NeurIPS 2020",
        f"{_HOME}.co_tuning:CoTuning",
        {"trade_off": 2.3},
        masks=False,  # the source's classes are of whole images
    ),
)
# Of acrank alone: what the help can name without asking what else is installed.
OWN = {entry.name: entry for entry in _ENTRIES}


def _of_package(name: str, loaded: object) -> MethodEntry:
    """Check a method of another package against the name of its entry point.

    Raises:
        TypeError: it is no entry.
        ValueError: it calls itself otherwise.
    """
    if not isinstance(loaded, MethodEntry):
        raise TypeError(f"it is of type {type(loaded).__name__}, not acrank's MethodEntry")
    if loaded.name != name:
        raise ValueError(f"it has the name {loaded.name!r}")
    return loaded


METHODS: Registry[MethodEntry] = Registry(
    "acrank.methods", "method of fine-tuning", lambda: OWN, _of_package
)


def usual_rates() -> str:
    """Write the usual learning rates in words: that of most methods, and those that differ."""
    rates = [entry.lr for entry in _ENTRIES]
    most = max(rates, key=rates.count)
    others = "; ".join(f"{e.name} {e.lr:g}" for e in _ENTRIES if e.lr != most)
    return f"{most:g}; {others}" if others else f"{most:g}"


def known_method(name: str) -> str:
    """Return the name of a method that exists.

    Raises:
        ValueError: there is none; names the nearest.
    """
    if name in METHODS:
        return name
    close = difflib.get_close_matches(name, METHODS, 1)
    ask = f"did you mean {close[0]}? " if close else ""
    raise ValueError(f"there is no method {name!r}; {ask}there are {', '.join(METHODS)}")


def check_options(method: str, options: Mapping[str, Option]) -> None:
    """Refuse options that a method has not, or of another type than their default.

    Raises:
        ValueError: one of them is.
    """
    known = METHODS[method].options
    for name, value in options.items():
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise ValueError(f"method {method} has no option {name!r}; {has}")
        kind = type(known[name])
        fits = type(value) in ((int, float) if kind is float else (kind,))
        if not fits or (isinstance(value, float) and not math.isfinite(value)):
            raise ValueError(f"option {name!r} of {method} is {value!r}, not {_KINDS[kind]}")


def read_options(method: str, given: Sequence[str]) -> dict[str, Option]:
    """Options of a method from ``NAME=VALUE``, each of the type of its default.

    Raises:
        ConfigError: a text is not of that form, or a value not of that type.
    """
    known = METHODS[method].options
    found: dict[str, Option] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--option {text!r} has no value.", hint="Write NAME=VALUE.")
        default = known.get(name)
        try:
            found[name] = value if default is None else _typed(value, default)
        except ValueError:
            hint = f"Give {_KINDS[type(default)]}."
            raise ConfigError(f"--option {name} is {value!r}.", hint=hint) from None
    return found


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


def _typed(value: str, default: Option) -> Option:
    if isinstance(default, bool):
        if value.lower() not in ("true", "false"):
            raise ValueError(value)
        return value.lower() == "true"
    return type(default)(value)
