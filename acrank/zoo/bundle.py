"""MONAI bundles: the network that a bundle's configuration defines."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import nn

from acrank.errors import MissingExtraError, ModelError
from acrank.utils.visible import first_line
from acrank.zoo.bounds import MOST_CONFIG

# Where a bundle's configuration has its network.
NETWORK = "network_def"


def bundle_network(config: Path, *, trust_code: bool) -> nn.Module:
    """Make the network that a bundle defines, without its weights.

    The configuration names classes and holds expressions, which MONAI evaluates.

    Args:
        config: ``inference.json`` or ``inference.yaml``.
        trust_code: whether the user allows them to run.

    Raises:
        ModelError: they may not run, or make no network.
        MissingExtraError: MONAI is not installed.
    """
    if not trust_code:
        raise ModelError(
            f"{config.name} of a MONAI bundle runs code of the bundle's author.",
            hint="Pass --trust-code if you trust it.",
        )
    if find_spec("monai") is None:
        raise MissingExtraError("A MONAI bundle", "medical")
    if config.stat().st_size > MOST_CONFIG:
        raise ModelError(f"{config.name} of the bundle is larger than {MOST_CONFIG} bytes.")
    try:
        made = _parsed(config)
    except Exception as error:  # the configuration's own code may raise anything
        raise ModelError(
            f"{config.name} of the bundle makes no network: {first_line(error)}.",
            hint=f"Its {NETWORK} may use only what is installed: scripts of the bundle are not.",
        ) from error
    if not isinstance(made, nn.Module):
        kind = type(made).__name__
        raise ModelError(f"{NETWORK} in {config.name} is of type {kind}, not a torch.nn.Module.")
    return made


def _parsed(config: Path) -> Any:
    from monai.bundle import ConfigParser

    parser = ConfigParser()
    parser.read_config(str(config))
    if NETWORK not in parser.config:
        raise KeyError(f"it has no {NETWORK}")
    return parser.get_parsed_content(NETWORK)
