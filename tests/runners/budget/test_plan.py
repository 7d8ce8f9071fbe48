import itertools

from hypothesis import given
from hypothesis import strategies as st

from acrank.runners.budget.costs import CAUTION, Cost, Costs
from acrank.runners.budget.plan import Step, decide, half, round_sizes

LATER = (128, 256)
ORDER = [f"m{i}" for i in range(12)]


def priced(count: int = 12, probing: float = 64.0, loading: float = 0.0) -> Costs:
    """Models that took as many seconds as images, on the sample of the first round."""
    costs = Costs()
    for name in ORDER[:count]:
        costs.measure(name, Cost(64, loading, probing))
    return costs


def test_sizes_double_in_whole_batches() -> None:
    assert round_sizes(256, 8) == (64, 128, 256)
    assert round_sizes(320, 10) == (64, 160, 320)
    assert round_sizes(96, 3) == (96,)
    assert round_sizes(40, 1) == (40,)  # one batch cannot be parted
    assert round_sizes(256, 8, least=100) == (128, 256)
    assert round_sizes(256, 8, least=200) == (256,)


@given(st.integers(1, 500), st.integers(2, 64), st.integers(0, 3000))
def test_sizes_grow_to_the_whole_sample(batches: int, size: int, least: int) -> None:
    sizes = round_sizes(batches * size, batches, least)
    assert sizes[-1] == batches * size
    assert all(images % size == 0 for images in sizes)
    assert all(
        2 * small <= large < 2 * small + 2 * size for small, large in itertools.pairwise(sizes)
    )
    assert all(images >= max(2 * size, least) for images in sizes[:-1])


def test_half_of_the_models_and_never_one_of_two() -> None:
    assert [half(count) for count in range(8)] == [0, 1, 2, 2, 2, 3, 3, 4]


def test_all_go_to_the_full_sample_if_there_is_time() -> None:
    full = 12 * 256.0
    step = decide(ORDER, None, ["unranked"], LATER, 2 * full, priced())
    assert step == Step((*ORDER, "unranked"), 256)
    # the unranked one has not run, so it is taken to be dear; and it is the first to go
    assert decide(ORDER, None, ["unranked"], LATER, full + 256, priced()).models == tuple(ORDER)


def test_as_many_as_fit_go_to_the_full_sample_if_that_is_half_of_them() -> None:
    assert decide(ORDER, None, [], LATER, 8 * 256.0, priced()) == Step(tuple(ORDER[:8]), 256)
    assert decide(ORDER, None, [], LATER, 6 * 256.0, priced()) == Step(tuple(ORDER[:6]), 256)


def test_else_the_half_goes_on_if_the_rounds_to_come_fit() -> None:
    needed = 6 * 128 + 3 * 256.0
    assert decide(ORDER, None, [], LATER, needed - 1, priced()).images == 256
    costs = priced(loading=10)
    needed = 6 * (10 + 128) + 3 * (10 + 256.0)
    for count, left in ((6, needed), (5, needed - 1)):
        step = decide(ORDER, None, [], (128, 256), left, costs)
        if step.images == 128:
            assert step.models == tuple(ORDER[:count])


def test_of_many_models_half_go_on_to_a_larger_sample() -> None:
    order = [f"m{i}" for i in range(64)]
    costs = Costs()
    for name in order:
        costs.measure(name, Cost(64, 0, 64))
    later = (128, 256, 512)
    needed = 32 * 128 + 16 * 256 + 8 * 512.0
    assert decide(order, None, [], later, needed, costs) == Step(tuple(order[:32]), 128)
    fewer = decide(order, None, [], later, needed - 1, costs)
    assert fewer == Step(tuple(order[:31]), 128)


def test_models_that_tie_with_the_last_one_go_on_as_far_as_time_allows() -> None:
    order = [f"m{i}" for i in range(64)]
    costs = Costs()
    for name in order:
        costs.measure(name, Cost(64, 0, 64))
    ties = [1] * 20 + [2] * 20 + [3] * 24  # the half, 32, ends within the second group
    later = (128, 256, 512)

    def needed(count: int) -> float:
        return count * 128 + half(count) * 256 + half(half(count)) * 512.0

    assert len(decide(order, ties, [], later, needed(40), costs).models) == 40
    assert len(decide(order, ties, [], later, needed(36), costs).models) == 36
    assert len(decide(order, ties, [], later, needed(32), costs).models) == 32
    assert len(decide(order, None, [], later, needed(40), costs).models) == 32


def test_two_go_on_however_little_time_there_is() -> None:
    assert decide(ORDER, None, [], LATER, 0.0, priced()) == Step(("m0", "m1"), 256)
    assert decide(ORDER[:1], None, [], LATER, -5.0, priced()) == Step(("m0",), 256)


def test_without_any_score_models_go_on_as_they_came() -> None:
    step = decide([], None, ORDER, LATER, 8 * 256.0, priced())
    assert step == Step(tuple(ORDER[:8]), 256)


@given(
    prices=st.lists(
        st.tuples(st.floats(0, 50), st.floats(0.01, 500)), min_size=1, max_size=30, unique=True
    ),
    left=st.floats(-10, 20_000),
    rounds=st.integers(1, 4),
    data=st.data(),
)
def test_no_step_takes_more_than_there_is(
    prices: list[tuple[float, float]], left: float, rounds: int, data: st.DataObject
) -> None:
    order = [f"m{i}" for i in range(len(prices))]
    costs = Costs(lag=data.draw(st.floats(0, 10)), pace=data.draw(st.floats(0.1, 2)))
    for name, (loading, probing) in zip(order, prices, strict=True):
        costs.measure(name, Cost(64, loading, probing))
    groups = sorted(
        data.draw(st.lists(st.integers(1, 5), min_size=len(order), max_size=len(order)))
    )
    later = tuple(128 * 2**i for i in range(rounds))
    step = decide(order, groups, [], later, left, costs)
    assert step.models == tuple(order[: len(step.models)])
    assert step.images in later
    if len(step.models) > 2:
        assert costs.together(step.models, step.images) <= left
    else:
        assert (len(step.models), step.images) == (min(2, len(order)), later[-1])


def test_caution_for_models_that_have_not_run() -> None:
    costs = priced(count=1)
    assert costs.of("new", 64) == 64
    assert costs.together(["new"], 64) == CAUTION * 64
