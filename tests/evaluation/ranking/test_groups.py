from itertools import combinations

import numpy as np
import pytest

from evaluation.ranking.groups import letter_display, letters_of


def maximal_groups(differs: np.ndarray) -> set[frozenset[int]]:
    """Every largest set of algorithms of which no two differ, by trying all sets."""
    n = len(differs)
    sets = [
        frozenset(chosen)
        for size in range(1, n + 1)
        for chosen in combinations(range(n), size)
        if not differs[np.ix_(chosen, chosen)].any()
    ]
    return {one for one in sets if not any(one < other for other in sets)}


def groups_of(letters: list[set[str]]) -> set[frozenset[int]]:
    return {frozenset(k for k in range(len(letters)) if name in letters[k]) for name in set().union(*letters)}


@pytest.mark.parametrize("seed", range(25))
def test_two_share_a_letter_exactly_when_they_cannot_be_told_apart(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 8))
    upper = np.triu(random.random((n, n)) < random.random(), 1)
    differs = upper | upper.T
    letters = [letters_of(group) for group in letter_display(differs)]
    for one, other in combinations(range(n), 2):
        assert bool(letters[one] & letters[other]) == (not differs[one, other])
    found = groups_of(letters)
    assert found <= maximal_groups(differs)
    assert "a" in letters[0]


@pytest.mark.parametrize("seed", range(5))
def test_where_differences_follow_the_ranks_every_largest_group_has_its_letter(seed: int) -> None:
    abilities = np.sort(np.random.default_rng(seed).random(8))[::-1]
    differs = np.abs(abilities[:, None] - abilities) > 0.25
    letters = [letters_of(group) for group in letter_display(differs)]
    assert groups_of(letters) == maximal_groups(differs)
    # Runs of neighbours, lettered from the best down.
    names = sorted(set().union(*letters))
    firsts = [min(k for k in range(8) if name in letters[k]) for name in names]
    assert names == list("abcdefgh")[: len(names)]
    assert firsts == sorted(firsts)


def test_many_algorithms_that_differ_at_random_take_no_time() -> None:
    """Some 14,000 largest groups of 60: listing all of them takes minutes."""
    random = np.random.default_rng(0)
    upper = np.triu(random.random((60, 60)) < 0.3, 1)
    assert len(set().union(*map(letters_of, letter_display(upper | upper.T)))) < 400


def test_more_groups_than_letters() -> None:
    n = 60
    letters = letter_display(~np.eye(n, dtype=bool))
    assert letters[:3] == ["a", "b", "c"]
    assert letters[25:27] == ["z", "A"]
    assert letters[51:54] == ["Z", "a1", "b1"]
    assert letters_of("aZb1") == {"a", "Z", "b1"}
