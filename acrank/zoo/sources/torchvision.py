"""Load classifiers of torchvision with the weights that torchvision has for them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import torchvision
from torch import nn
from torchvision.models import get_model_builder, get_model_weights, list_models

from acrank.errors import ModelError, ZooError
from acrank.utils.nearest import has_wildcard, nearest
from acrank.utils.visible import brief, typed_line
from acrank.zoo.checkpoints.reading import State, refuse_unsafe_pickle
from acrank.zoo.entries import ZooEntry
from acrank.zoo.hub.client import Hub
from acrank.zoo.sources.base import Loaded, Opening, Source
from acrank.zoo.timm_build import without_storage
from acrank.zoo.weights import ByUrl, Weights

# Weights whose licence torchvision names by the address of its text.
_LICENSES = {"https://github.com/facebookresearch/SWAG/blob/main/LICENSE": "cc-by-nc-4.0"}


class TorchvisionSource(Source):
    """``torchvision:NAME[@WEIGHTS]``, such as ``torchvision:resnet50@IMAGENET1K_V2``.

    Without weights, those that torchvision calls its default. Files are kept where torchvision
    itself keeps them, in the cache of PyTorch's hub.
    """

    name = "torchvision"
    usage = "torchvision:NAME[@WEIGHTS]"
    place = "torchvision's own weights"
    takes = frozenset({"classifier"})
    refused_kwargs = ("weights", "progress", "num_classes")

    def check_fields(self, entry: ZooEntry) -> None:
        """Check that the images are those of torchvision's networks: three channels."""
        super().check_fields(entry)
        channels = entry.input_size[0] if entry.input_size else 0
        if entry.in_chans == 1 or channels == 1:
            raise ValueError("torchvision's networks take 3 channels; grey images are repeated")

    def check(self, entry: ZooEntry) -> None:
        """Check the names against torchvision's registry."""
        self.chosen(entry)

    def select(self, pattern: str) -> list[str]:
        """Names with their weights.

        A pattern without ``@`` stands for the default weights of every network that it matches,
        one with ``@`` for all the weights that it matches.
        """
        named, at, tag = pattern.removeprefix(f"{self.name}:").partition("@")
        if not has_wildcard(pattern):
            return [self._full_name(named, self.chosen(ZooEntry(name=pattern)))]
        found = [
            self._full_name(model, weights)
            for model, all_weights in _catalogue().items()
            if fnmatchcase(model, named)
            for weights in all_weights
            if fnmatchcase(weights.name, tag) or (not at and weights is _default(model))
        ]
        if not found:
            raise ZooError(f"torchvision has no classifier that matches {pattern!r}.")
        return found

    def added(self, reference: str, folder: Path) -> list[dict[str, Any]]:
        """Entries called like timm's: the network, a dot, its weights."""
        return [
            {"name": full.partition(":")[2].replace("@", ".").lower(), "source": full}
            for full in self.select(reference)
        ]

    def chosen(self, entry: ZooEntry) -> Any:
        """The member of torchvision's enumeration of weights that an entry names.

        Raises:
            ZooError: there is no such classifier, or it has no such weights.
        """
        model, at, tag = self.rest(entry).partition("@")
        known = _catalogue()
        if model not in known:
            raise ZooError(
                f"torchvision has no classifier with weights called {brief(model)!r}.",
                hint=nearest(model, known) or f"Write {self.usage}, such as torchvision:resnet18.",
            )
        found = [weights for weights in known[model] if weights.name == tag]
        if at and not found:
            names = ", ".join(weights.name for weights in known[model])
            message = f"torchvision has no weights {brief(tag)!r} for {model}."
            raise ZooError(message, hint=f"It has {names}.")
        return found[0] if at else _default(model)

    def _full_name(self, model: str, weights: Any) -> str:
        return f"{self.name}:{model}@{weights.name}"

    def weights(self, entry: ZooEntry) -> Weights | None:
        """The file, where torchvision keeps it."""
        chosen = self.chosen(entry)
        mebibytes = chosen.meta.get("_file_size")
        size = round(mebibytes * 2**20) if mebibytes else None
        return ByUrl(chosen.url, str(entry.reference), named=True, told_size=size)

    def license(self, entry: ZooEntry, model: nn.Module | None) -> str | None:
        """The licence that torchvision names; it names none for most weights.

        Its own, BSD-3-Clause, is that of its code.
        """
        named: str | None = self.chosen(entry).meta.get("license")
        return _LICENSES.get(named or "", named)

    def structure(
        self, entry: ZooEntry, opening: Opening, state: State | None = None
    ) -> nn.Module | None:
        """Have torchvision build the network."""
        classes = len(self.chosen(entry).meta["categories"])
        return without_storage(lambda: self._built(entry, num_classes=classes))

    def preprocessing(self, entry: ZooEntry, model: nn.Module | None) -> Mapping[str, Any]:
        """Return the settings of the weights' own transforms, in timm's terms.

        They resize the shorter side and crop the centre, as timm's do with ``crop_mode`` center.
        """
        transforms = self.chosen(entry).transforms()
        (crop,), (resize,) = transforms.crop_size, transforms.resize_size
        # timm resizes to floor(crop / crop_pct)
        exact = math.floor(crop / (crop / resize)) == resize
        return {
            "input_size": (3, crop, crop),
            "mean": tuple(transforms.mean),
            "std": tuple(transforms.std),
            "interpolation": transforms.interpolation.value,
            "crop_pct": crop / resize if exact else crop / (resize + 0.5),
            "crop_mode": "center",
        }

    def identity(self, entry: ZooEntry, hub: Hub) -> dict[str, Any] | None:
        """The file, and the transforms."""
        weights = self.weights(entry)
        told = weights.identity(hub) if weights else None
        seen = {key: str(value) for key, value in self.preprocessing(entry, None).items()}
        return told and {"weights": told, "preprocessing": seen}

    def load(self, entry: ZooEntry, opening: Opening) -> Loaded:
        """Have torchvision load the file, once it is here and known to be no code."""
        chosen, weights = self.chosen(entry), self.weights(entry)
        if weights is None:
            raise RuntimeError("torchvision has an address for all weights")
        found = weights.fetch(opening.hub)
        refuse_unsafe_pickle(found.path)
        model = self._built(entry, weights=chosen, progress=False)
        return Loaded(model, found.revision)

    def rebuilt(self, entry: ZooEntry, classes: int) -> nn.Module | None:
        """Have torchvision build it for the classes."""
        return self._built(entry, num_classes=classes) if classes else None

    def reload(self, entry: ZooEntry, classes: int) -> str:
        """The call of torchvision's function."""
        given = {**self._arguments(entry), "num_classes": classes}
        written = ", ".join(f"{key}={value!r}" for key, value in given.items())
        return f"torchvision.models.{self._model(entry)}({written})"

    def _model(self, entry: ZooEntry) -> str:
        return self.rest(entry).partition("@")[0]

    def _arguments(self, entry: ZooEntry) -> dict[str, Any]:
        """Return the arguments that torchvision's functions set themselves when given weights."""
        model, arguments = self._model(entry), dict(entry.kwargs)
        if model == "googlenet":
            arguments = {"transform_input": True, "aux_logits": False, **arguments}
        elif model == "inception_v3":
            arguments = {"transform_input": True, **arguments}
        elif model.startswith("vit_"):
            arguments["image_size"] = self.chosen(entry).meta["min_size"][0]
        return arguments

    def _built(self, entry: ZooEntry, **options: Any) -> nn.Module:
        arguments = entry.kwargs if "weights" in options else self._arguments(entry)
        slow = {"init_weights": False} if self._model(entry) in _SLOW else {}
        try:
            build = get_model_builder(self._model(entry))
            model: nn.Module = build(**{**slow, **arguments, **options})
        except Exception as error:  # its functions may raise anything
            given = f" with {brief(entry.kwargs)}" if entry.kwargs else ""
            said = f"torchvision cannot build {entry.readable_source}{given}: {typed_line(error)}."
            raise ModelError(said, hint="Check the entry's fields.") from error
        return model


# They warn of a slow initialisation unless they are told not to.
_SLOW = {"googlenet", "inception_v3"}


@cache
def _catalogue() -> dict[str, list[Any]]:
    """The classifiers with weights for named classes, each with its weights."""
    found = {}
    for model in list_models(module=torchvision.models):
        weights = [each for each in get_model_weights(model) if each.meta.get("categories")]
        if weights:
            found[model] = weights
    return found


def _default(model: str) -> Any:
    """The weights that torchvision calls its default; the first where those have no classes."""
    default = get_model_weights(model).DEFAULT
    return default if default in _catalogue()[model] else _catalogue()[model][0]
