"""Write a finished fine-tuning in other formats, as ``--export`` asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from acrank.finetuning.export import ONNX
from acrank.finetuning.result import Finetuned
from acrank.finetuning.state import save_record, sums


def require_exports(formats: Sequence[str]) -> None:
    """Say at once that packages for an export are missing.

    Args:
        formats: formats that are asked for.

    Raises:
        MissingExtraError: one of them needs a package that is not there.
    """
    if "onnx" in formats:
        from acrank.finetuning.onnx import require_onnx

        require_onnx()


def with_exports(done: Finetuned, formats: Sequence[str], *, trust_code: bool) -> Finetuned:
    """Write the formats that the folder lacks, and add them to its record under ``exports``.

    Args:
        done: finished fine-tuning, with its weights.
        formats: formats that are asked for.
        trust_code: allow the ``factory`` of a zoo entry to run its code.

    Returns:
        The fine-tuning with the record that its folder holds now.

    Raises:
        ExportError: the network cannot be exported; the folder is as it was.
        MissingExtraError: an optional package is missing.
    """
    if "onnx" not in formats or _is_there(done):
        return done
    from acrank.finetuning.onnx import export_onnx

    written = export_onnx(done.folder, trust_code=trust_code)
    exports = {"onnx": {**written.record(), **sums(done.folder, (ONNX,))[ONNX]}}
    record: dict[str, Any] = {**done.record, "exports": exports}
    save_record(done.folder, record)
    return replace(done, record=record)


def _is_there(done: Finetuned) -> bool:
    """Tell if the folder has the export of these weights, unchanged."""
    known, found = done.record.get("exports", {}).get("onnx"), sums(done.folder, (ONNX,))
    return known is not None and found.get(ONNX, {}).get("sha256") == known.get("sha256")


def told_exports(done: Finetuned) -> list[str]:
    """Say for each export what was written, and how it was checked."""
    lines = []
    for written in done.record.get("exports", {}).values():
        seen = written["compared"]
        batches = " and ".join(map(str, seen["batches"]))
        lines.append(
            f"ONNX: {done.folder}/{written['file']} (opset {written['opset']}); on random inputs "
            f"in batches of {batches} its logits differ from PyTorch's by at most "
            f"{seen['absolute']:.1e}, {seen['relative']:.1e} of the largest "
            f"(allowed: {seen['tolerance']:.0e})."
        )
    return lines
