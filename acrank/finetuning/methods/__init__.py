"""Methods of fine-tuning: small objects over one training loop."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from acrank.finetuning.catalogue import METHODS, known_method
from acrank.finetuning.methods.base import Method


def make_method(name: str, options: Mapping[str, float | int | str | bool]) -> Method:
    """Make a method by its name.

    Args:
        name: name in the catalogue.
        options: options of the method; others keep their defaults.

    Raises:
        ValueError: there is no such method.
        ConfigError: an option's value makes no sense.
    """
    entry = METHODS[known_method(name)]
    module, _, cls = entry.target.partition(":")
    method: Method = getattr(import_module(module), cls)(**{**entry.options, **options})
    return method


__all__ = ["METHODS", "Method", "make_method"]
