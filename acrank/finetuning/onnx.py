"""Export a fine-tuned network to ONNX, and check that it computes the same (extra ``onnx``)."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from acrank import __version__
from acrank.errors import ExportError, MissingExtraError, ModelError
from acrank.finetuning.export import ONNX
from acrank.finetuning.load import load_trained
from acrank.finetuning.trained import Trained
from acrank.utils.files import write_whole
from acrank.utils.visible import first_line, typed_line

OUTPUT = "logits"
# Sizes of the batches that both networks are compared on; the export itself sees two inputs.
BATCHES, EXPORTED = (1, 3), 2
# The largest difference of logits, relative to the largest logit, that single precision explains.
TOLERANCE = 1e-4
# PyTorch's exporter, and the packages that it and the check need.
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_CHATTY = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class OnnxExport:
    """A network that has been written as ONNX, and how far its logits are from PyTorch's.

    Attributes:
        path: the file.
        opset: version of the ONNX operators.
        input: name of the input, float32 (N, C, *S) for any number N.
        output: name of the output, float32 (N, K) or (N, K, *S).
        shape: shape of one input (C, *S).
        batches: sizes of the batches that were compared.
        absolute: largest difference of a logit.
        relative: the same, relative to the largest absolute value of a logit.
        tolerance: relative difference that was allowed.
        bytes: size of the file.
    """

    path: Path
    opset: int
    input: str
    output: str
    shape: tuple[int, ...]
    batches: tuple[int, ...]
    absolute: float
    relative: float
    tolerance: float
    bytes: int

    def record(self) -> dict[str, Any]:
        """Return it as JSON can hold it; of the path the file's name."""
        return {
            "format": "onnx",
            "file": self.path.name,
            "opset": self.opset,
            "input": self.input,
            "output": self.output,
            "shape": list(self.shape),
            "compared": {
                "batches": list(self.batches),
                "absolute": self.absolute,
                "relative": self.relative,
                "tolerance": self.tolerance,
            },
            "bytes": self.bytes,
        }


def require_onnx() -> None:
    """Say at once that packages for the export are missing.

    Raises:
        MissingExtraError: one of them is.
    """
    if any(find_spec(name) is None for name in PACKAGES):
        raise MissingExtraError("Export to ONNX", "onnx")


def export_onnx(folder: str | Path, *, trust_code: bool = False) -> OnnxExport:
    """Write ``model.onnx`` into the folder of a finished fine-tuning.

    The network is exported with its weights in single precision and an open size of the batch.
    ONNX Runtime then runs it on random normalised inputs of the real shape, and its logits are
    compared with PyTorch's. The file is written last and whole; one that was there is removed
    first.

    Args:
        folder: folder of the fine-tuning.
        trust_code: allow the ``factory`` of a zoo entry to run its code.

    Returns:
        What was written, and how far its logits are from PyTorch's. The metadata of the model
        have, each as JSON, the classes, the task and how images or volumes are prepared.

    Raises:
        ExportError: the network cannot be loaded or exported, or its logits are not the same.
            There is no ``model.onnx`` then.
        MissingExtraError: an optional package is missing.
    """
    require_onnx()
    place = Path(folder)
    path = place / ONNX
    path.unlink(missing_ok=True)
    try:
        trained = load_trained(place, trust_code=trust_code)
    except ModelError as error:
        raise ExportError(error.message, hint=error.hint) from error
    given = [trained.inputs(count, seed) for seed, count in enumerate(BATCHES)]
    with torch.no_grad():
        expected = [trained.network(inputs).float().numpy() for inputs in given]
    content, opset = _exported(trained, place)
    found = _run(content, trained, [inputs.numpy() for inputs in given], place)
    absolute, relative = _difference(expected, found, place)
    write_whole(path, content)
    return OnnxExport(
        path=path,
        opset=opset,
        input=trained.things,
        output=OUTPUT,
        shape=trained.shape,
        batches=BATCHES,
        absolute=absolute,
        relative=relative,
        tolerance=TOLERANCE,
        bytes=len(content),
    )


def _exported(trained: Trained, folder: Path) -> tuple[bytes, int]:
    """Return the file's content and the version of its operators.

    Raises:
        ExportError: PyTorch cannot export the network.
    """
    try:
        with _quietly():
            program = torch.onnx.export(
                trained.network,
                (trained.inputs(EXPORTED),),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                input_names=[trained.things],
                output_names=[OUTPUT],
                external_data=False,
                verbose=False,
            )
            if program is None:  # as older exporters return
                raise RuntimeError("the exporter gave no model")
            model = program.model
            model.producer_name, model.producer_version = "acrank", __version__
            model.metadata_props.update(_metadata(trained, folder))
            return program.model_proto.SerializeToString(), int(model.opset_imports[""])
    except Exception as error:  # the exporter, or code of the network's author, may raise anything
        raise ExportError(
            f"{folder}: PyTorch cannot export the network to ONNX: {_reason(error)}.",
            hint="The folder itself is as it was; leave --export onnx out.",
        ) from error


def _reason(error: BaseException) -> str:
    """Return the error at the bottom: the exporter's own tells what to do with its report."""
    while error.__cause__ is not None:
        error = error.__cause__
    return typed_line(error)


def _metadata(trained: Trained, folder: Path) -> dict[str, str]:
    """Describe how inputs are prepared and outputs are read, each value as JSON."""
    how = trained.preprocessing
    described: dict[str, Any] = {
        "classes": trained.classes,
        "input_size": how.input_size,
        "mean": how.mean,
        "std": how.std,
    }
    if trained.thing == "image":
        described["interpolation"] = how.interpolation
        described["crop_pct"], described["crop_mode"] = how.crop_pct, how.crop_mode
    described |= {name: value for name, value in trained.geometry.items() if value is not None}
    return {name: json.dumps(value) for name, value in described.items()}


def _run(
    content: bytes, trained: Trained, batches: list[npt.NDArray[np.float32]], folder: Path
) -> list[Logits]:
    """Return the logits that ONNX Runtime computes for each batch.

    Raises:
        ExportError: it cannot run the model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors, which are raised too
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of many types, each of the runtime's own
        raise _unusable(folder, error) from error
    if isinstance(session.get_inputs()[0].shape[0], int):
        raise ExportError(
            f"{folder}: the exported network takes batches of one size alone: its code turns the "
            "size of a batch into a fixed number."
        )
    try:
        return [session.run([OUTPUT], {trained.things: batch})[0] for batch in batches]
    except Exception as error:
        raise _unusable(folder, error) from error


def _unusable(folder: Path, error: Exception) -> ExportError:
    """Make the error for a model that ONNX Runtime does not take."""
    reason = first_line(error)
    return ExportError(f"{folder}: ONNX Runtime cannot run the exported network: {reason}.")


def _difference(expected: list[Logits], found: list[Logits], folder: Path) -> tuple[float, float]:
    """Return the largest difference of a logit, and that relative to the largest logit.

    Raises:
        ExportError: it is more than single precision explains.
    """
    shapes = [[batch.shape for batch in logits] for logits in (expected, found)]
    if shapes[0] != shapes[1]:
        raise ExportError(
            f"{folder}: the exported network gives logits of the shapes {shapes[1]}, and PyTorch "
            f"{shapes[0]}; nothing was written."
        )
    pairs = list(zip(expected, found, strict=True))
    absolute = max(float(np.abs(one - other).max()) for one, other in pairs)
    largest = max(float(np.abs(one).max()) for one in expected)
    relative = absolute / largest if largest else absolute
    if not relative <= TOLERANCE:  # nor where one is not finite
        raise ExportError(
            f"{folder}: the logits of the exported network differ from PyTorch's by up to "
            f"{absolute:.2g}, which is {relative:.2g} of the largest; {TOLERANCE:g} is allowed. "
            "Nothing was written.",
            hint="The folder itself is as it was; leave --export onnx out.",
        )
    return absolute, relative


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the exporter's warnings, its log and the graphs that it prints to itself."""
    loggers = [logging.getLogger(name) for name in _CHATTY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
