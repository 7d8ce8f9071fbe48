"""What a field's description becomes: an option's name and type, help and usual values."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from acrank.fields import Patch, Seconds, Steps
from acrank.tasks.registry import TASKS
from acrank.utils.described import Setting, described, help_text, option_of, taken_as
from acrank.utils.settings import Settings


class Some(Settings):
    """Some settings."""

    count: Annotated[
        int, Field(ge=1), Setting("How many.", "A", usual=lambda task: task.batch_size)
    ] = 32
    rate: Annotated[float | None, Setting("How fast.", "A", default="as it is")] = None
    names: Annotated[tuple[str, ...], Setting("Who.", "B", option="--name")] = ()
    kind: Annotated[Literal["a", "b"], Setting("Which.", "B")] = "a"
    loud: Annotated[bool, Setting("Whether it sounds.", "B")] = True
    steps: Annotated[Steps, Setting("How long.", "B")] = 1
    wait: Annotated[Seconds | None, Setting("When.", "B")] = None
    patch: Annotated[Patch | None, Setting("How large.", "B", dimensions=3)] = None
    bare: int = 0


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("count", int),
        ("rate", float),
        ("names", list[str]),
        ("kind", Literal["a", "b"]),
        ("loud", bool),
        *((name, str) for name in ("steps", "wait", "patch")),
    ],
)
def test_an_option_has_the_type_of_its_field_or_takes_text(name: str, taken: Any) -> None:
    assert taken_as(Some.model_fields[name]) == taken


def test_help_says_the_default_and_what_is_usual_for_tasks() -> None:
    assert help_text(Some, "count") == "How many. [default: 32]"
    assert help_text(Some, "count", TASKS) == "How many. [default: 32; masks: 8; volumes: 2]"
    assert help_text(Some, "rate") == "How fast. [default: as it is]"
    assert help_text(Some, "names") == "Who."
    assert help_text(Some, "loud") == "Whether it sounds. [default: loud]"


def test_fields_are_listed_in_the_docstring() -> None:
    assert Some.__doc__
    assert Some.__doc__.startswith("Some settings.\n\nAttributes:\n    count: How many.")
    assert "bare" not in Some.__doc__
    assert "bare" not in described(Some)
    assert (option_of(Some, "names"), option_of(Some, "bare")) == ("--name", "--bare")


def test_usual_values_are_those_of_the_task_unless_set() -> None:
    assert Some().usual_for(TASKS["masks"]) == {"count": 8}
    assert Some(count=32).usual_for(TASKS["masks"]) == {}
    assert Some().usual_for(TASKS["classification"]) == {}


def test_a_setting_of_volumes_is_for_no_images() -> None:
    found = [key for key, task in TASKS.items() if described(Some)["patch"].is_for(task)]
    assert found == ["volumes"]
