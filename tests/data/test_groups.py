"""Groups of images stay whole in every part, and classes are in the parts by their shares."""

from collections import Counter

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from acrank.data.groups import Parting, refuse_shared, require_groups, whole_groups
from acrank.errors import DataError


def drawn(seed: int, count: int = 300) -> tuple[list[str], list[int]]:
    """Groups of very different sizes, and classes that they hold unevenly."""
    generator = np.random.default_rng(seed)
    sizes = generator.pareto(1.2, 30) + 0.2
    groups = generator.choice(30, count, p=sizes / sizes.sum())
    lean = generator.dirichlet((0.6, 0.9, 1.2), 30)
    labels = [int(generator.choice(3, p=lean[group])) for group in groups]
    return [f"g{group}" for group in groups], labels


def deviation(parts: list[int], labels: list[int], shares: list[float]) -> float:
    """Squared distance of the share of each class in each part from what it should be."""
    total = Counter(labels)
    found = Counter(zip(parts, labels, strict=True))
    return sum(
        (found[part, label] / total[label] - share) ** 2
        for part, share in enumerate(shares)
        for label in total
    )


@pytest.mark.parametrize("shares", [[0.8, 0.2], [0.5, 0.5], [0.2] * 5])
def test_groups_are_whole_and_every_part_has_its_share(shares: list[float]) -> None:
    for seed in range(4):
        groups, labels = drawn(seed)
        judging = range(len(shares)) if len(shares) > 2 else (1,)
        parts = Parting(shares, judging).parts(groups, labels, seed, "test")
        assert len(set(zip(groups, parts, strict=True))) == len(set(groups))
        assert set(parts) == set(range(len(shares)))
        for part in judging:  # what judges never takes all images of a class
            rest = {label for label, p in zip(labels, parts, strict=True) if p != part}
            assert rest == set(labels)


def test_classes_are_spread_as_well_as_by_scikit_learn() -> None:
    ours, theirs = 0.0, 0.0
    for seed in range(5):
        groups, labels = drawn(seed)
        shares = [0.25] * 4
        ours += deviation(
            Parting(shares, range(4)).parts(groups, labels, seed, "t"), labels, shares
        )
        splitter = StratifiedGroupKFold(4, shuffle=True, random_state=seed)
        other = [0] * len(labels)
        for fold, (_, rows) in enumerate(splitter.split(labels, labels, groups)):
            for row in rows:
                other[row] = fold
        theirs += deviation(other, labels, shares)
    assert ours < 1.25 * theirs


def test_parts_depend_on_the_seed_and_not_on_the_order_of_rows() -> None:
    groups, labels = drawn(0)
    parting = Parting([0.8, 0.2], (1,))
    found = parting.parts(groups, labels, 3, "test")
    assert parting.parts(groups[::-1], labels[::-1], 3, "test") == found[::-1]
    assert parting.parts(groups, labels, 4, "test") != found


def test_two_large_groups_are_parted_and_a_class_of_one_group_trains() -> None:
    parting = Parting([0.8, 0.2], (1,))
    assert sorted(parting.parts(["a", "a", "b", "b"], [0, 1, 0, 1], 0, "x")) == [0, 0, 1, 1]
    for seed in range(10):
        groups, labels = ["rare", "rare", "b", "c", "d"], [2, 0, 0, 0, 0]
        assert parting.parts(groups, labels, seed, "x")[:2] == [0, 0]
    # each group has all of some class: none can be spared
    assert parting.parts(["a", "b"], [0, 1], 0, "x") == [0, 0]


def test_images_without_a_group_are_groups_of_their_own() -> None:
    named = whole_groups(["p1", None, None, "p1", "y"], ["v", "w", "x", "y", "z"])
    assert len(set(named)) == 4
    assert named[0] == named[3]


def test_how_many_groups_there_are_is_said() -> None:
    keys = ["x", "y", "z"]
    assert require_groups("d", "patient", ["a", "a", None], keys) == (
        "2 groups by patient; no group is split"
    )
    with pytest.raises(DataError, match=r"d: the column 'patient' has one group alone"):
        require_groups("d", "patient", ["a", "a", "a"], keys)
    with pytest.raises(DataError, match=r"d: the column 'patient' names no group"):
        require_groups("d", "patient", (), keys)


def test_a_group_in_two_parts_is_refused() -> None:
    refuse_shared("patient", {"--data": ("a", None), "--val": ("b", None), "--test": ()})
    with pytest.raises(DataError, match=r"--test has images of 1 group\(s\) by patient that --val"):
        refuse_shared("patient", {"--data": ("a",), "--val": ("b", "c"), "--test": ("c", "d")})
