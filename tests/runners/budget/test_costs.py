import pytest

from acrank.results import ModelResult
from acrank.runners.budget.admission import FEW, Admission, Stopwatch, half, time_of_rounds
from acrank.runners.budget.costs import CAUTION, Cost, Costs
from acrank.runners.callbacks import Callback


def test_loading_does_not_grow_with_the_sample() -> None:
    costs = Costs()
    costs.measure("a", 64, Cost(loading=3, probing=2))
    assert costs.of("a", 256) == 3 + 4 * 2
    assert costs.of("a", 64) == 5


def test_models_that_have_not_run_cost_what_their_size_says() -> None:
    costs = Costs({"small": 1.0, "large": 10.0, "huge": 30.0})
    assert costs.of("huge", 64) == 0  # nothing is known
    costs.measure("small", 64, Cost(0, 2))
    costs.measure("large", 64, Cost(0, 9))
    assert costs.of("huge", 64) == pytest.approx(30**0.7 * 11 / (1 + 10**0.7))
    assert costs.of("huge", 128) == pytest.approx(2 * costs.of("huge", 64))
    assert costs.of("unknown", 64) == pytest.approx(5.5)
    assert costs.together(["unknown"], 64) == pytest.approx(CAUTION * 5.5)


def test_what_a_larger_sample_costs_is_measured() -> None:
    costs = Costs()
    for name in ("a", "b"):
        costs.measure(name, 64, Cost(1, 1))
    assert costs.of("a", 128) == 1 + 2
    costs.measure("a", 256, Cost(0.5, 20))
    assert costs.of("a", 256) == 20.5
    assert costs.of("b", 256) == 1 + 20  # not four times as long to probe, but twenty
    costs.measure("b", 128, Cost(0, 1.5))
    assert costs.of("b", 256) == 1 + 20  # still told from 64 images, where it was measured
    assert costs.of("b", 512) == 8 * 0.75  # and here nothing was


def test_more_images_never_take_less() -> None:
    costs = Costs()
    costs.measure("first", 64, Cost(0, 10))  # the start of a process is in it
    costs.measure("first", 256, Cost(0, 2))
    costs.measure("a", 64, Cost(0, 3))
    assert costs.of("a", 256) == 3


def test_models_side_by_side_take_less_of_the_clock() -> None:
    costs = Costs()
    costs.measure("a", 64, Cost(0, 10))
    assert costs.together(["a", "a"], 64) == 20
    costs.passed(clock=5, own=10)
    costs.lag = 3
    assert costs.together(["a", "a"], 64) == 3 + 10
    assert costs.together([], 64) == 0


def test_half_of_the_models_and_never_one_of_two() -> None:
    assert [half(count) for count in range(8)] == [0, 1, 2, 2, 2, 3, 3, 4]


def test_rounds_to_come_take_half_of_the_models_each() -> None:
    costs = Costs(lag=1)
    costs.measure("a", 64, Cost(0, 64))
    assert time_of_rounds(costs, 8, (128, 256)) == 1 + 8 * 128 + 1 + 4 * 256
    assert time_of_rounds(costs, 2, (128, 256)) == 1 + 2 * 256
    assert time_of_rounds(costs, 8, ()) == 0


class Clock:
    def __init__(self, left: float) -> None:
        self.seconds = left

    def __call__(self) -> float:
        return self.seconds


def test_models_are_admitted_that_fit_with_the_rounds_to_come() -> None:
    clock, costs = Clock(0.0), Costs()
    costs.measure("old", 64, Cost(0, 10))
    admission = Admission(64, costs, clock, later=(128, 256))
    assert admission("first")  # in any case, and it may be asked for again
    assert admission("first")
    assert not admission("second")
    clock.seconds = 10 + 2 * 40.0  # of four models two go on, and to the full sample at once
    assert [admission(name) for name in ("second", "third", "fourth")] == [True] * 3
    assert not admission("fifth")  # of five, three would go on to 128 images, then two
    clock.seconds = 10 + 3 * 20 + 2 * 40.0
    assert admission("fifth")
    clock.seconds -= 1
    assert not admission("fifth")
    last = Admission(256, costs, clock)
    clock.seconds = 40
    assert last("first")
    assert last("second")
    clock.seconds = 39
    assert not last("third")


def test_none_need_be_admitted_where_something_is_known() -> None:
    clock, costs = Clock(5.0), Costs()
    costs.measure("known", 64, Cost(0, 10))
    assert not Admission(64, costs, clock, known=("known",))("first")
    clock.seconds = 10
    assert Admission(64, costs, clock, known=("known",))("first")


def test_a_round_ends_if_all_models_fit_on_the_full_sample() -> None:
    clock, costs = Clock(1e6), Costs()
    everyone = [f"m{i}" for i in range(20)]
    admission = Admission(64, costs, clock, later=(256,), everyone=everyone)
    for name in everyone[:FEW]:
        assert admission(name)
        costs.measure(name, 64, Cost(0, 1))
    assert not admission(everyone[FEW])
    assert admission.all_fit
    clock.seconds = 0
    assert not admission("m19")  # that has been decided


def test_the_time_of_models_is_taken() -> None:
    clock, costs = Clock(100.0), Costs()
    watch = Stopwatch(Callback(), costs, 64, clock)
    watch.start(4)
    clock.seconds -= 7
    watch.begin("a")
    clock.seconds -= 5
    watch.done(ModelResult("a", "ok").with_seconds(10, loading=4))
    assert (costs.lag, costs.pace) == (7, 0.5)
    assert costs.of("a", 128) == 4 + 2 * 6
    clock.seconds -= 1
    watch.done(ModelResult("b", "ok", seconds=50, kept=True))
    assert costs.pace == 0.5  # it took no time, but will on another sample
    assert costs.of("b", 64) == 50
    clock.seconds -= 5
    watch.done(ModelResult.failed("c", "broken").with_seconds(5))
    assert costs.pace == pytest.approx(10 / 15)
    assert costs.measured == 2
