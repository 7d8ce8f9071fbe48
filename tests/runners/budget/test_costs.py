import pytest

from acrank.results import ModelResult
from acrank.runners.budget.admission import FEW, Admission, Watch
from acrank.runners.budget.costs import Cost, Costs
from acrank.runners.callbacks import Silent


def test_loading_does_not_grow_with_the_sample() -> None:
    assert Cost(64, loading=3, probing=2).at(256) == 3 + 4 * 2


def test_models_that_have_not_run_cost_what_their_size_says() -> None:
    costs = Costs({"small": 1.0, "large": 10.0, "huge": 30.0})
    assert costs.of("huge", 64) == 0  # nothing is known
    costs.measure("small", Cost(64, 0, 2))
    costs.measure("large", Cost(64, 0, 9))
    assert costs.of("huge", 64) == pytest.approx(30 * 11 / 11)
    assert costs.of("huge", 128) == pytest.approx(60)
    assert costs.of("unknown", 64) == pytest.approx(5.5)
    assert costs.average(64) == pytest.approx(5.5)


def test_what_a_size_costs_more_than_expected_is_learned() -> None:
    costs = Costs(dearer={256: 2.0})
    for name in ("a", "b"):
        costs.measure(name, Cost(64, 0, 1))
    assert costs.of("a", 128) == 2
    assert costs.of("a", 256) == 8  # more is computed there: a guess
    costs.measure("a", Cost(256, 0, 20))
    assert costs.of("a", 256) == 20
    assert costs.of("b", 256) == pytest.approx(20)  # five times what its images say
    assert costs.of("b", 128) == 2


def test_more_images_never_take_less_and_what_is_paid_takes_nothing() -> None:
    costs = Costs()
    costs.measure("first", Cost(64, 0, 10))  # the start of a process is in it
    costs.measure("first", Cost(256, 0, 2))
    costs.measure("a", Cost(64, 0, 3))
    assert costs.of("a", 256) == 3
    costs.paid.add(("a", 256))
    assert costs.of("a", 256) == 0
    assert costs.together(["first", "a"], 256) == 2


def test_models_side_by_side_take_less_of_the_clock() -> None:
    costs = Costs()
    costs.measure("a", Cost(64, 0, 10))
    assert costs.together(["a", "a"], 64) == 20
    costs.passed(clock=5, own=10)
    costs.lag = 3
    assert costs.together(["a", "a"], 64) == 3 + 10


class Clock:
    def __init__(self, left: float) -> None:
        self.seconds = left

    def __call__(self) -> float:
        return self.seconds


def test_a_gate_lets_in_what_fits_with_the_rounds_to_come() -> None:
    clock, costs = Clock(0.0), Costs()
    costs.measure("old", Cost(64, 0, 10))
    gate = Admission(64, (128, 256), costs, clock)
    assert gate("first")  # in any case, and it may be asked for again
    assert gate("first")
    assert not gate("second")
    clock.seconds = 10 + 2 * 40.0  # of four models two go on, and to the full sample at once
    assert [gate(name) for name in ("second", "third", "fourth")] == [True] * 3
    assert not gate("fifth")  # of five, three would go on to 128 images, then two
    clock.seconds = 10 + 3 * 20 + 2 * 40.0
    assert gate("fifth")
    clock.seconds -= 1
    assert not gate("fifth")
    last = Admission(256, (), costs, clock)
    clock.seconds = 40
    assert last("first")
    assert last("second")
    clock.seconds = 39
    assert not last("third")


def test_a_gate_need_not_let_any_in_where_something_is_known() -> None:
    clock, costs = Clock(5.0), Costs()
    costs.measure("known", Cost(64, 0, 10))
    assert not Admission(64, (), costs, clock, known=("known",))("first")
    clock.seconds = 10
    assert Admission(64, (), costs, clock, known=("known",))("first")


def test_a_gate_ends_a_round_if_all_models_fit_at_the_full_size() -> None:
    clock, costs = Clock(1e6), Costs()
    everything = [f"m{i}" for i in range(20)]
    gate = Admission(64, (256,), costs, clock, everything)
    for name in everything[:FEW]:
        assert gate(name)
        costs.measure(name, Cost(64, 0, 1))
    assert not gate(everything[FEW])
    assert gate.all_fit
    clock.seconds = 0
    assert not gate("m19")  # that has been decided


def test_the_time_of_models_is_taken() -> None:
    clock, costs = Clock(100.0), Costs()
    watch = Watch(Silent(), Admission(64, (), costs, clock))
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
