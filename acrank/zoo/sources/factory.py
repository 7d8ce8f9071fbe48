"""Load networks that a user's own function makes."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from acrank.errors import ModelError
from acrank.utils.visible import brief, typed_line
from acrank.zoo.checkpoints.reading import State, some
from acrank.zoo.drawing import mark_drawn
from acrank.zoo.entries import ZooEntry
from acrank.zoo.hub.client import Hub
from acrank.zoo.sources.base import Loaded, Opening
from acrank.zoo.sources.checkpoint import OwnWeights
from acrank.zoo.timm_build import without_storage
from acrank.zoo.wrappers import unwrapped

# Packages whose networks are of use here, and the extra that installs them.
_EXTRAS = {"monai": "medical", "segmentation_models_pytorch": "segmentation"}


class FactorySource(OwnWeights):
    """``factory: package.module:function`` with ``kwargs``, and ``weights`` if they are apart."""

    name = "factory"
    needs_numbers = False

    def claims(self, entry: ZooEntry) -> bool:
        """Tell whether the entry names a factory."""
        return bool(entry.factory)

    def written(self, entry: ZooEntry) -> str:
        """The function and the checkpoint."""
        return self.with_weights(f"factory {entry.factory}", entry)

    def check(self, entry: ZooEntry) -> None:
        """Check how a file on the hub is written; the function is not looked for."""
        self.weights(entry)

    def structure(
        self, entry: ZooEntry, opening: Opening, state: State | None = None
    ) -> nn.Module | None:
        """Call the function, where its code may run."""
        return without_storage(lambda: call_factory(entry)) if opening.trust_code else None

    def unknown(self, opening: Opening) -> str:
        """Say what would have to be allowed."""
        return "" if opening.trust_code else "factory not run: that needs --trust-code"

    def code(self, entry: ZooEntry) -> str:
        """Say whose code the function is."""
        return f"factory {entry.factory} runs code of the zoo's author"

    def code_modules(self, entry: ZooEntry) -> set[str]:
        """The module that has the function."""
        return {str(entry.factory).partition(":")[0]}

    def draws(self, entry: ZooEntry) -> bool:
        """Always: what the function draws is not known."""
        return True

    def identity(self, entry: ZooEntry, hub: Hub) -> dict[str, Any] | None:
        """None: the function may make anything."""
        return None

    def load(self, entry: ZooEntry, opening: Opening) -> Loaded:
        """Call the function, and fill what it makes if the entry names weights."""
        if not entry.weights:
            return Loaded(mark_drawn(lambda: call_factory(entry)))
        # before a download: the function may fail
        model = call_factory(entry)
        return self.filled(entry, opening, lambda state: (model, None))


def call_factory(entry: ZooEntry) -> nn.Module:
    """Make an entry's network with the function it names, without wrappers around it.

    Args:
        entry: a ``factory`` entry of an author whom the user trusts.

    Raises:
        ModelError: it cannot be found, fails, or makes something else.
    """
    # the path stays while the function runs: it may import its neighbours only then
    with _folder_importable(entry.base):
        made = _call(_find(entry), entry)
    if not isinstance(made, nn.Module):
        raise ModelError(
            f"factory {entry.factory} returned type {type(made).__name__}, not a torch.nn.Module.",
            hint="Let it return the network itself.",
        )
    network = unwrapped(made)
    packed = [k for k, v in network.state_dict().items() if not isinstance(v, torch.Tensor)]
    if packed:
        raise ModelError(
            f"factory {entry.factory} returned a network with more than tensors for weights: "
            f"{some(packed)}.",
            hint="It is quantized or packed: return the network with floating-point weights.",
        )
    return network


def _find(entry: ZooEntry) -> Any:
    module_name, _, path = str(entry.factory).partition(":")
    found: Any = _import(module_name, entry)
    for name in path.split("."):
        if not hasattr(found, name):
            where = getattr(found, "__file__", None) or module_name
            raise ModelError(f"factory {entry.factory}: {where} has no {name!r}.")
        found = getattr(found, name)
    return found


def _import(module_name: str, entry: ZooEntry) -> ModuleType:
    _forget_namesake(module_name.partition(".")[0], entry.base)
    try:
        return importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # the module's own code may raise anything
        extra = _EXTRAS.get(str(getattr(error, "name", "")).partition(".")[0])
        install = f"Install it with: pip install 'acrank[{extra}]'"
        places = f"It is looked for in {entry.base} and among the installed packages."
        raise ModelError(
            f"factory {entry.factory}: importing {module_name} failed: {typed_line(error)}.",
            hint=install if extra else places,
        ) from error


def _call(function: Any, entry: ZooEntry) -> object:
    try:
        return function(**entry.kwargs)
    except (Exception, SystemExit) as error:
        given = brief(", ".join(f"{key}={value!r}" for key, value in entry.kwargs.items()))
        raise ModelError(
            f"factory {entry.factory}({given}) failed: {typed_line(error)}.",
            hint="Check kwargs in the zoo file, or the function.",
        ) from error


@contextmanager
def _folder_importable(folder: Path) -> Iterator[None]:
    """Put the zoo file's folder on the import path for a while."""
    entry = str(folder.absolute())
    sys.path.insert(0, entry)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(entry)


def _forget_namesake(package: str, folder: Path) -> None:
    """Forget a module that another zoo's folder provided under the same name."""
    loaded = sys.modules.get(package)
    own = [folder / f"{package}.py", folder / package / "__init__.py"]
    own = [path.resolve() for path in own if path.is_file()]
    if loaded is None or not own or Path(loaded.__file__ or "").resolve() in own:
        return
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
