"""Alpha and kappa against published worked examples and against their definitions, unit by unit."""

from itertools import combinations

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evaluation.statistics.chance_corrected import fleiss_kappa, krippendorff_alpha

# Krippendorff, Computing Krippendorff's alpha-reliability (2011), section C: 12 units, 4 observers,
# missing ratings. 0 stands for a missing one.
KRIPPENDORFF = """
    1 2 3 3 2 1 4 1 2 0 0 0
    1 2 3 3 2 2 4 1 2 5 0 3
    0 3 3 3 2 3 4 2 2 5 1 0
    1 2 3 3 2 4 4 1 2 5 1 0
"""

# Fleiss (1971), table 1: diagnoses of 30 patients by 6 psychiatrists, as listed in R's irr::diagnoses.
FLEISS = """
    444444 222555 233335 555555 222444 113333 333355 113334 114444 555555 144444 124444 222333 144444 224445
    333335 111455 111112 224444 133555 555555 244444 224555 114444 144445 222224 111155 224444 133333 555555
"""


def count_ratings(ratings: np.ndarray, labels: range) -> np.ndarray:
    """Units x raters to units x labels."""
    return np.array([[(unit == label).sum() for label in labels] for unit in ratings])


def test_alpha_of_krippendorffs_worked_example() -> None:
    """Printed there: nominal 0.743, ordinal 0.815."""
    ratings = np.array([line.split() for line in KRIPPENDORFF.split("\n") if line.strip()], int).T
    table, ones = count_ratings(ratings, range(1, 6)), np.ones(12, int)
    assert krippendorff_alpha(table, ones) == pytest.approx(0.815, abs=5e-4)
    assert krippendorff_alpha(table, ones, "nominal") == pytest.approx(0.743, abs=5e-4)


def test_kappa_of_fleiss_example() -> None:
    """Fleiss (1971) prints 0.430; R's irr::kappam.fleiss gives 0.4302445, which statsmodels tests against."""
    ratings = np.array([list(unit) for unit in FLEISS.split()], int)
    table = count_ratings(ratings, range(1, 6))
    assert fleiss_kappa(table, np.ones(30, int)) == pytest.approx(0.4302445, abs=5e-8)


def test_kappa_of_the_example_of_wikipedia() -> None:
    """10 subjects, 14 raters: 0.210, which statsmodels tests against too."""
    table = """0 0 0 0 14  0 2 6 4 2  0 0 3 5 6  0 3 9 2 0  2 2 8 1 1
               7 7 0 0 0  3 2 6 3 0  2 5 3 2 2  6 5 2 1 0  0 2 2 3 7"""
    ratings = np.array(table.split(), int).reshape(10, 5)
    assert fleiss_kappa(ratings, np.ones(10, int)) == pytest.approx(0.210, abs=5e-4)


units = arrays(np.int64, st.tuples(st.integers(2, 8), st.just(3)), elements=st.integers(0, 3))


@given(units, st.lists(st.integers(1, 5), min_size=8, max_size=8))
def test_counted_units_are_units_repeated(ratings: np.ndarray, counts: list[int]) -> None:
    weights = np.array(counts[: len(ratings)])
    table = count_ratings(ratings, range(4))
    repeated = table.repeat(weights, axis=0)
    ones = np.ones(len(repeated), int)
    for measure in (krippendorff_alpha, fleiss_kappa):
        assert measure(table, weights) == pytest.approx(measure(repeated, ones), nan_ok=True)


@given(units)
def test_alpha_is_one_minus_observed_over_expected_disagreement(ratings: np.ndarray) -> None:
    """By the definition: pairs within units against pairs of all ratings, one by one."""
    totals = [(ratings == label).sum() for label in range(4)]

    def distance(one: int, other: int) -> float:
        low, high = sorted((one, other))
        return (sum(totals[low : high + 1]) - (totals[low] + totals[high]) / 2) ** 2

    within = [distance(*pair) for unit in ratings for pair in combinations(unit, 2)]
    among = [distance(*pair) for pair in combinations(ratings.ravel(), 2)]
    found = krippendorff_alpha(count_ratings(ratings, range(4)), np.ones(len(ratings), int))
    if sum(among) == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(1 - np.mean(within) / np.mean(among))


@given(units)
def test_kappa_is_symmetric_in_its_labels(ratings: np.ndarray) -> None:
    table, ones = count_ratings(ratings, range(4)), np.ones(len(ratings), int)
    assert fleiss_kappa(table[:, [2, 0, 3, 1]], ones) == pytest.approx(fleiss_kappa(table, ones), nan_ok=True)


def test_ordinal_alpha_forgives_neighbours() -> None:
    near = np.array([[2, 0, 0], [1, 1, 0], [0, 2, 0], [0, 1, 1], [0, 0, 2]])
    far = np.array([[2, 0, 0], [1, 0, 1], [0, 2, 0], [1, 0, 1], [0, 0, 2]])
    counts = np.full(5, 10)
    assert krippendorff_alpha(near, counts) > krippendorff_alpha(far, counts) + 0.3


def test_perfect_and_undefined() -> None:
    perfect = np.array([[3, 0], [0, 3]])
    assert krippendorff_alpha(perfect, np.array([4, 6])) == 1
    assert fleiss_kappa(perfect, np.array([4, 6])) == 1
    one_label = np.array([[3, 0]])
    nothing = np.zeros((0, 2), int)
    for measure in (krippendorff_alpha, fleiss_kappa):
        assert np.isnan(measure(one_label, np.array([4])))
        assert np.isnan(measure(nothing, np.zeros(0, int)))


@given(arrays(np.int64, st.tuples(st.integers(2, 12), st.just(4)), elements=st.integers(-1, 3)))
def test_missing_ratings_are_those_of_krippendorffs_program(ratings: np.ndarray) -> None:
    """`krippendorff.alpha` of the same table, -1 a missing rating."""
    table = count_ratings(ratings, range(4))
    found = krippendorff_alpha(table, np.ones(len(table), int))
    if (table[table.sum(axis=1) > 1].sum(axis=0) > 0).sum() < 2:
        assert np.isnan(found)
        return
    data = np.where(ratings < 0, np.nan, ratings).T
    expected = krippendorff.alpha(
        reliability_data=data, level_of_measurement="ordinal", value_domain=[0, 1, 2, 3]
    )
    assert found == pytest.approx(expected)


def test_kappa_of_missing_ratings_is_that_of_each_units_own() -> None:
    """Observed: mean over units of the share of pairs that agree, (1 + 1/3 + 0) / 3; shares of labels
    (1 + 2/3 + 1/2) / 3 and the rest. A unit with one rating is left out."""
    table = np.array([[2, 0], [2, 1], [1, 1], [0, 1]])
    share = (1 + 2 / 3 + 1 / 2) / 3
    chance = share**2 + (1 - share) ** 2
    expected = (4 / 9 - chance) / (1 - chance)
    assert fleiss_kappa(table, np.ones(4, int)) == pytest.approx(expected)
    assert np.isnan(fleiss_kappa(np.array([[1, 0], [0, 1]]), np.ones(2, int)))
