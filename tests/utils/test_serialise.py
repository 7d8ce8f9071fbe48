import json

import pytest

from acrank.utils.serialise import loads


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}', "1e999", "[-1e400]"])
def test_what_is_no_json_is_refused(text: str) -> None:
    json.loads(text)  # to Python it is
    with pytest.raises(ValueError, match="number"):
        loads(text)


def test_the_rest_is_read_as_ever() -> None:
    text = '{"a": [1, 2.5, 1e300, null, true, "NaN"]}'
    assert loads(text) == json.loads(text)
