import logging
import subprocess
import sys
from pathlib import Path

import pytest

from acrank.utils.plugins import Registry, instance_of
from tests.packages import install

GROUP = "acrank.test_numbers"


def numbers() -> Registry[int]:
    return Registry(GROUP, "number", lambda: {"two": 2, "one": 1}, instance_of(int))


def test_own_objects_come_first_and_in_their_order(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, tmp_path, "more-numbers", {GROUP: {"a": "more_numbers:A"}}, "A = 3")
    registry = numbers()
    assert dict(registry) == {"two": 2, "one": 1, "a": 3}
    assert list(registry) == ["two", "one", "a"]
    assert registry.origin("a") == "more-numbers 1.0"
    assert registry.origin("two") == ""
    assert "b" not in registry


def test_nothing_is_looked_up_before_it_is_asked_for() -> None:
    asked = []

    def own() -> dict[str, int]:
        asked.append(True)
        return {}

    registry = Registry(GROUP, "number", own, instance_of(int))
    assert not asked
    assert len(registry) == len(list(registry)) == 0
    assert len(asked) == 1


def test_packages_installed_meanwhile_are_found_when_it_forgets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    registry = numbers()
    assert len(registry) == 2
    install(monkeypatch, tmp_path, "late-numbers", {GROUP: {"a": "late_numbers:A"}}, "A = 3")
    assert len(registry) == 2
    registry.forget()
    assert registry["a"] == 3


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import nowhere", "failed with ModuleNotFoundError: No module named 'nowhere'."),
        ("raise SystemExit(3)", "importing bad_numbers:A failed with SystemExit: 3."),
        ("B = 3", "has no attribute 'A'."),
        ("A = 'x'", "is left out: it is of type str, not acrank's int."),
        ("raise ValueError('a\\n::error::b')", "failed with ValueError: a."),
    ],
)
def test_a_broken_one_costs_one_line(
    code: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    install(monkeypatch, tmp_path, "bad-numbers", {GROUP: {"a": "bad_numbers:A"}}, code)
    sys.modules.pop("bad_numbers", None)
    registry = numbers()
    assert dict(registry) == dict(registry) == {"two": 2, "one": 1}
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message.startswith("The number 'a' of bad-numbers 1.0 is left out: ")
    assert record.message.endswith(reason)
    assert "\n" not in record.message


def test_a_name_that_is_taken_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    points = {GROUP: {"one": "a_numbers:A", "three": "a_numbers:A"}}
    install(monkeypatch, tmp_path / "a", "a-numbers", points, "A = 3")
    install(monkeypatch, tmp_path / "b", "b-numbers", {GROUP: {"three": "b_numbers:A"}}, "A = 4")
    assert dict(numbers()) == {"two": 2, "one": 1, "three": 3}
    assert [record.message for record in caplog.records] == [
        "The number 'one' of a-numbers 1.0 is left out: there is already one of that name, "
        "of acrank itself.",
        "The number 'three' of b-numbers 1.0 is left out: there is already one of that name, "
        "of a-numbers 1.0.",
    ]


def test_the_line_goes_to_stderr(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, tmp_path, "bad-numbers", {GROUP: {"a": "bad_numbers:A"}}, "B = 3")
    code = (
        "from acrank.utils.plugins import Registry, instance_of\n"
        f"print(dict(Registry('{GROUP}', 'number', dict, instance_of(int))))"
    )
    path = ":".join([str(tmp_path), *sys.path])
    run = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True
    )
    assert run.stdout == "{}\n"
    assert run.stderr.startswith("The number 'a' of bad-numbers 1.0 is left out: ")
    assert run.stderr.count("\n") == 1
