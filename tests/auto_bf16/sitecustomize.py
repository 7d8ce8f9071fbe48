"""Makes ``--precision auto`` mean bf16 in every process that the tests start.

Python imports this module by its name at its start, where its folder is on ``PYTHONPATH``; see
:mod:`tests.processes`. Torch is not imported before a process needs it.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

DEVICE = "acrank.utils.device"


class Bf16Everywhere(MetaPathFinder):
    """Finds the module that chooses the precision, and has it find bf16 on any processor."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's own specification, whose loader changes one function afterwards."""
        spec = PathFinder.find_spec(fullname, path) if fullname == DEVICE else None
        if spec is None or spec.loader is None:
            return None
        usual = spec.loader.exec_module

        def load(module: ModuleType) -> None:
            usual(module)
            vars(module)["_has_bf16"] = lambda device: True

        vars(spec.loader)["exec_module"] = load
        return spec


sys.meta_path.insert(0, Bf16Everywhere())
