from hypothesis import given
from hypothesis import strategies as st

from acrank.runners.budget.costs import Costs

from .world import Made, World, alike, names

# Of models that take a second an image, seconds of the first one's trial, and of twelve models of
# which six go on to 128 images and three to 256.
TRIAL = 64.0 + 256.0
WHOLE = TRIAL + 11 * 64 + 6 * 128 + 3 * 256


def test_with_time_for_all_nothing_is_dropped() -> None:
    world = World(alike(12), budget=1e9)
    done = world.run()
    assert done.dropped == []
    assert sorted(names(done.finished)) == sorted(world.models)
    assert [entry["samples"] for entry in done.rounds] == [64, 256]
    assert done.rounds[0]["finished"] == 3  # that was enough to tell


def test_the_first_model_tries_out_what_images_cost() -> None:
    world = World(alike(12), budget=1e9)
    done = world.run()
    assert world.scored[:3] == [("m0", 64), ("m0", 256), ("m1", 64)]
    assert world.told[0] == "m0 tries out what 64 and 256 images cost"
    assert done.trial == {"model": "m0", "seconds": TRIAL}
    assert world.scored.count(("m0", 256)) == world.scored.count(("m0", 64)) == 1


def test_the_better_half_goes_on_and_the_others_have_a_reason() -> None:
    world = World(alike(12), budget=WHOLE)
    done = world.run()
    # six would fit, and the first has been there
    assert names(done.finished) == [f"m{i}" for i in range(7)]
    assert names(done.dropped) == [f"m{i}" for i in range(7, 12)]
    assert done.dropped[1].reason == "after round 1 (64 of 256 images): place 9 of 12, 7 went on"
    assert {result.status for result in done.dropped} == {"dropped"}
    assert done.dropped[1].scores["ac_corr"].value == 4.0
    assert done.rounds == [
        {"samples": 64, "models": 12, "finished": 12, "dropped": 5, "seconds": 11 * 64.0},
        {"samples": 256, "models": 7, "finished": 7, "dropped": 0, "seconds": 6 * 256.0},
    ]
    assert world.told[1:] == [
        "round 1 (64 of 256 images): 12 models",
        "the last round (256 images): 7 models, and others of 5 if time is left",
    ]


def test_a_large_zoo_takes_more_rounds() -> None:
    budget = 512 + 64 * 64 + 32 * 128 + 16 * 256 + 8 * 512
    world = World(alike(64), budget, sizes=(64, 128, 256, 512))
    done = world.run()
    # sixteen to 256 images and then eight to 512 would take as long as sixteen to 512 at once
    assert [entry["samples"] for entry in done.rounds] == [64, 128, 512]
    assert names(done.finished) == [f"m{i}" for i in range(17)]
    assert done.dropped[0].reason == "after round 2 (128 of 512 images): place 18 of 32, 17 went on"
    assert done.dropped[-1].reason == "after round 1 (64 of 512 images): place 64 of 64, 32 went on"
    assert names(done.dropped) == [f"m{i}" for i in range(17, 64)]
    assert world.clock == world.budget


def test_models_that_time_does_not_reach_are_dropped_unseen() -> None:
    world = World(alike(12), budget=TRIAL + 3 * 64 + 2 * 256)
    done = world.run()
    assert names(done.finished) == ["m0", "m1", "m2"]
    assert names(done.dropped)[:2] == ["m3", "m4"]
    assert done.dropped[-1].reason == ("not reached in the budget (4 of 12 models were)")
    assert done.dropped[-1].scores == {}
    assert world.clock == world.budget


def test_time_that_is_left_goes_to_dropped_models_the_best_first() -> None:
    world = World(alike(12, at_full=0.75), budget=WHOLE)
    done = world.run()
    assert names(done.finished) == [f"m{i}" for i in range(8)]  # not 7
    assert names(done.dropped) == [f"m{i}" for i in range(8, 12)]
    assert [entry["dropped"] for entry in done.rounds] == [4, 0]
    assert done.rounds[1]["models"] == 8
    assert World(alike(12, at_full=0.5), WHOLE).run().dropped == []


def test_one_model_is_finished_however_short_the_time() -> None:
    for budget in (0.5, 1e-9, -3.0):
        done = World(alike(5), budget).run()
        assert names(done.finished) == ["m0"]
        assert len(done.dropped) == 4
    assert done.dropped[0].reason == ("not reached in the budget (1 of 5 models were)")


def test_two_models_need_no_small_sample() -> None:
    world = World(alike(2), budget=256.0 * 2)
    assert names(world.run().finished) == ["m0", "m1"]
    assert [images for _, images in world.scored] == [256, 256]


def test_a_model_that_does_not_fit_any_more_makes_room_for_cheaper_ones() -> None:
    models = alike(6, at_full=1.5) | {"m0": Made(0, 1, 0.0), "dear": Made(0, 3, 3.5)}
    sizes = {name: made.an_image for name, made in models.items()}
    done = World(models, budget=TRIAL + 8 * 64 + 6 * 256).run(costs=Costs(sizes))
    assert names(done.finished) == ["m0", "m1", "m2", "m3", "m4"]
    assert [result.reason for result in done.dropped if result.model == "dear"] == [
        "out of time in the last round (256 images): place 3 of 7 in round 1 (64 of 256 images)"
    ]


def test_out_of_time_in_the_last_round() -> None:
    world = World(alike(12, at_full=2.0), budget=WHOLE)
    done = world.run()
    assert names(done.finished) == ["m0", "m1", "m2", "m3"]
    assert done.dropped[0].reason == (
        "out of time in the last round (256 images): place 5 of 12 in round 1 (64 of 256 images)"
    )
    assert done.dropped[-1].reason.startswith("after round 1 (64 of 256 images): place 12 of 12")
    assert [entry["dropped"] for entry in done.rounds] == [5, 3]


def test_where_all_were_thought_to_fit_and_do_not() -> None:
    budget = TRIAL + 2 * 64 + 5 * 256 + 3 * 256
    done = World(alike(6, at_full=8.0), budget).run()
    assert [(entry["models"], entry["finished"]) for entry in done.rounds] == [(6, 3), (6, 2)]
    assert names(done.finished) == ["m0", "m1"]
    reasons = [result.reason for result in done.dropped]
    assert reasons[0] == (
        "out of time in the last round (256 images): scored in round 1 (64 of 256 images)"
    )
    assert reasons[1] == ("not reached in the budget (3 of 6 models were)")


def test_failures_are_no_drops_and_models_without_a_score_are() -> None:
    models = alike(12) | {"bad": Made(0, 1, 0, "failed"), "tied": Made(0, 1, 0, "unranked")}
    budget = TRIAL + 13 * 64 + 7 * 128 + 4 * 256
    done = World(models, budget).run(order=["m0", "bad", "tied", *list(alike(12))[1:]])
    assert names(done.failed) == ["bad"]
    assert names(done.finished) == [f"m{i}" for i in range(8)]
    assert done.dropped[-1].reason == "after round 1 (64 of 256 images): no rank: tied affines"


def test_an_engine_that_is_slow_to_start_is_not_started_for_a_trial_of_the_full_sample() -> None:
    for budget, trials in ((3000, [("m0", 64), ("m1", 64)]), (9000, [("m0", 64), ("m0", 256)])):
        world = World(alike(12), budget, lag=200)
        assert world.run().finished
        assert world.scored[:2] == trials
        assert world.clock <= budget


def test_a_trial_that_fails_is_none() -> None:
    models = {"bad": Made(0, 1, 0, "failed")} | alike(12)
    world = World(models, budget=1e9)
    done = world.run()
    assert names(done.failed) == ["bad"]
    assert world.scored.count(("bad", 64)) == 1
    assert len(done.finished) == 12


def test_nothing_but_failures_ends_the_run() -> None:
    models = {name: Made(0, 1, 0, "failed") for name in alike(5)}
    done = World(models, budget=1e6).run()
    assert (done.finished, done.dropped, len(done.failed)) == ([], [], 5)
    short = World(models, budget=1.0).run()
    assert (short.finished, len(short.failed), len(short.dropped)) == ([], 2, 3)


def test_an_interrupt_ranks_what_the_round_has_finished() -> None:
    first = World(alike(12), WHOLE, stop_after=6).run()
    assert (first.interrupted, str(first.early)) == (True, "round 1 (64 of 256 images)")
    assert names(first.finished) == [f"m{i}" for i in range(5)]
    assert first.dropped == []  # the others have no row, as without a budget
    last = World(alike(12), WHOLE, stop_after=14).run()
    assert (last.interrupted, last.early) == (True, None)
    assert names(last.finished) == ["m0", "m1"]
    assert names(last.dropped) == [f"m{i}" for i in range(2, 12)]
    assert last.dropped[0].reason == (
        "interrupted in the last round (256 images): place 3 of 12 in round 1 (64 of 256 images)"
    )


def test_an_interrupt_of_the_trial_leaves_what_it_has() -> None:
    for count in (0, 1, 2):
        done = World(alike(12), WHOLE, stop_after=count).run()
        assert done.interrupted
        assert names(done.finished) == ["m0"][:count]
        assert str(done.early) == ("None" if not count else "round 1 (64 of 256 images)")


def test_an_interrupt_between_rounds_loses_nothing() -> None:
    world = World(alike(12), WHOLE)

    def stop(results: object) -> object:
        raise KeyboardInterrupt

    world.compare = stop  # type: ignore[method-assign, assignment]
    done = world.run()
    assert done.interrupted
    assert len(done.finished) == 12


MADE = st.builds(
    Made,
    loading=st.floats(0, 30),
    an_image=st.floats(0.01, 5),
    value=st.floats(-5, 5).map(lambda value: round(value, 3)),
    status=st.sampled_from(["ok"] * 8 + ["failed", "unranked"]),
)


@given(
    made=st.lists(MADE, min_size=1, max_size=25),
    budget=st.floats(0.1, 30_000),
    rounds=st.integers(1, 4),
    known=st.booleans(),
)
def test_every_model_has_one_fate_and_the_time_is_kept(
    made: list[Made], budget: float, rounds: int, known: bool
) -> None:
    models = {f"m{i}": model for i, model in enumerate(made)}
    sizes = tuple(32 * 2**i for i in range(1, rounds + 1))
    world = World(models, budget, sizes)
    costs = Costs({n: m.seconds(sizes[0]) for n, m in models.items()} if known else {})
    done = world.run(costs=costs)
    fates = names([*done.finished, *done.dropped, *done.failed])
    assert sorted(fates) == sorted(models)
    images = [entry["samples"] for entry in done.rounds]
    assert images == sorted(set(images))
    assert sum(entry["dropped"] for entry in done.rounds) == len(done.dropped)
    assert all(result.reason for result in done.dropped)
    # the first model of a round runs in any case; one more may cost more than was thought
    dearest = max(model.seconds(sizes[-1]) for model in made)
    assert world.clock <= budget + 2 * dearest
    if all(model.status == "ok" for model in made):
        assert done.finished
        last = {name for name, size in world.scored if size == sizes[-1]}
        assert last == set(names(done.finished))
    if budget > 4 * sum(model.seconds(sizes[-1]) for model in made):
        assert done.dropped == []
