"""The example in each metric's docstring gives what it says."""

import doctest

import pytest

from acrank.metrics.registry import METRICS

OF_FEATURES = [name for name, metric in METRICS.items() if metric.kind == "features"]


@pytest.mark.parametrize("name", OF_FEATURES)
def test_the_example_runs(name: str) -> None:
    (example,) = doctest.DocTestFinder(recurse=False).find(METRICS[name].load(), name)
    assert example.examples
    assert doctest.DocTestRunner(verbose=False).run(example).failed == 0
