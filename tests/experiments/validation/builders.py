"""Tables for the tests."""

from pathlib import Path

import numpy as np

from acrank.experiments.validation.tables import Values

MODELS = ("alex", "dense", "effi", "goog", "mobile", "res", "vgg")


def random_values(datasets: int, seed: int, models: tuple[str, ...] = MODELS) -> Values:
    """Numbers without ties, dataset by dataset."""
    generator = np.random.default_rng(seed)
    return {
        f"set{place}": dict(zip(models, generator.uniform(50, 95, len(models)), strict=True))
        for place in range(datasets)
    }


def write(path: Path, *lines: str) -> Path:
    """A text file of some lines."""
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_long(path: Path, column: str, values: Values) -> Path:
    """A table of one row a model and dataset."""
    rows = [f"{m},{d},{x}" for d, models in values.items() for m, x in models.items()]
    return write(path, f"model,dataset,{column}", *rows)


def write_wide(path: Path, values: Values) -> Path:
    """A table of one column a dataset."""
    models = dict.fromkeys(model for column in values.values() for model in column)
    rows = [",".join([m, *(str(values[d].get(m, "")) for d in values)]) for m in models]
    return write(path, ",".join(["model", *values]), *rows)
