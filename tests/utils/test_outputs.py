"""Which of a network's outputs is meant."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from acrank.utils.outputs import main_output, output_for_features

LOGITS, VECTORS = torch.zeros(2, 3), torch.ones(2, 8)
FINE, COARSE = torch.zeros(2, 4, 8, 8), torch.zeros(2, 6, 4, 4)


class ModelOutput(OrderedDict[str, object]):
    """As transformers' are: a dictionary whose attributes are its values."""


@dataclass
class Told:
    hidden: Tensor
    logits: Tensor


Pair = namedtuple("Pair", "logits aux")


@pytest.mark.parametrize(
    ("output", "meant", "said"),
    [
        (LOGITS, LOGITS, ""),
        ({"loss": None, "logits": LOGITS, "hidden_states": (FINE,)}, LOGITS, ""),
        (ModelOutput(last_hidden_state=FINE, pooler_output=VECTORS), VECTORS, ""),
        (Told(VECTORS, LOGITS), LOGITS, ""),
        (Pair(LOGITS, None), LOGITS, ""),
        ([LOGITS], LOGITS, ""),
        ({"x": VECTORS}, VECTORS, ""),
        ({"x": VECTORS, "y": LOGITS}, VECTORS, "x of x, y"),
        ((VECTORS, LOGITS), VECTORS, "the first of 2 outputs"),
        (({"logits": LOGITS}, VECTORS), LOGITS, "the first of 2 outputs"),
        ([FINE, COARSE], COARSE, "the coarsest of 2 maps"),
        ((FINE, FINE.clone(), LOGITS), FINE, "the first of 3 outputs"),
    ],
)
def test_what_features_are_taken_from(output: object, meant: Tensor, said: str) -> None:
    found, chosen = output_for_features(output)
    assert found is meant
    assert chosen == said


@pytest.mark.parametrize("output", [(), {}, {"loss": 0.5}, None, "text"])
def test_what_has_no_output_is_left_as_it_is(output: object) -> None:
    found, said = output_for_features(output)
    assert not isinstance(found, Tensor)
    assert said == ""


@pytest.mark.parametrize(
    ("output", "meant"),
    [
        (FINE, FINE),
        ({"aux": COARSE, "out": FINE}, FINE),
        ({"loss": COARSE, "logits": FINE}, FINE),
        ({"mask": FINE}, FINE),
        ((FINE, LOGITS), FINE),
    ],
)
def test_the_main_output_of_maps(output: object, meant: Tensor) -> None:
    assert main_output(output) is meant
