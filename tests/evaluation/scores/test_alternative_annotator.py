"""The alternative annotator test against its authors' code and by hand."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evaluation.scores.alternative_annotator import COLUMNS, alternative_annotator, needed, p_below
from evaluation.statistics.intervals import StatisticsError

READERS = ["r0", "r1", "r2", "r3"]

#: Winning rate and advantage by `alt_test` of github.com/nitaytech/AltTest (alt_test_example.ipynb, commit
#: 18428b1) with scoring function "accuracy", by seed of `annotations` and epsilon.
AUTHORS = {
    (0, 0.1): (0.25, 0.83125), (0, 0.2): (0.75, 0.83125), (1, 0.2): (0.25, 0.79375),
    (2, 0.1): (0.25, 0.875), (2, 0.2): (1.0, 0.875), (3, 0.2): (0.0, 0.75), (5, 0.1): (0.0, 0.89375),
    (5, 0.2): (1.0, 0.89375),
}  # fmt: skip


def annotations(seed: int, n: int = 40) -> np.ndarray:
    """One of four categories of each of n items, by four readers and a model who are right so often."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 4, n)
    rights = (0.8, 0.6, 0.7, 0.5, 0.75)
    return np.array([np.where(random.random(n) < right, truth, random.integers(0, 4, n)) for right in rights])


def agreement(given: np.ndarray) -> pd.DataFrame:
    """Pairs, 1 where two gave an item the same category."""
    raters = [*READERS[: len(given) - 1], "net"]
    rows = [
        (f"item{n:03}", "any", raters[a], raters[b], float(item[a] == item[b]))
        for n, item in enumerate(given.T)
        for a, b in combinations(range(len(raters)), 2)
    ]
    return pd.DataFrame(rows, columns=["exam", "level", "rater", "other", "dice"])


@pytest.mark.parametrize(("seed", "epsilon"), AUTHORS)
def test_as_by_the_authors_code(seed: int, epsilon: float) -> None:
    pairs = agreement(annotations(seed))
    found = alternative_annotator(pairs, models=["net"], readers=READERS, epsilon=epsilon).iloc[0]
    assert (found.winning_rate, found.advantage) == pytest.approx(AUTHORS[seed, epsilon])
    assert found.passes == ("yes" if found.winning_rate >= 0.5 else "no")


def test_few_exams_have_numbers_and_no_verdict() -> None:
    found = alternative_annotator(agreement(annotations(2, n=10)), models=["net"], readers=READERS)
    assert list(found.columns) == COLUMNS
    row = found.iloc[0]
    assert (row.passes, row.n_exams, row.n_readers, row.n_needed) == ("too few exams", 10, 4, 8)
    assert row.lowest_advantage <= row.advantage <= row.highest_advantage
    alone = alternative_annotator(agreement(annotations(2, n=1)), models=["net"], readers=READERS).iloc[0]
    assert np.isnan(alone.winning_rate) and alone.n_needed == 2


def test_p_is_scipys() -> None:
    indicators = np.array([-1.0, -1, 0, 1, -1, -1, 0, -1])
    assert p_below(indicators, 0.2) == pytest.approx(
        stats.ttest_1samp(indicators, 0.2, alternative="less").pvalue
    )
    assert (p_below(np.full(5, -1.0), 0.2), p_below(np.full(5, 1.0), 0.2)) == (0, 1)


def test_how_often_a_model_must_be_ahead() -> None:
    """By hand, ten exams, four readers: two equal p must be at most 2/4 x 0.05 / (25/12) = 0.012.

    Ahead in 8: mean -0.6, standard deviation 0.843, t = -3.0, p = 0.0075. In 7: t = -1.96, p = 0.04.
    """
    assert needed(10, 4, 0.2, 0.05) == 8
    assert p_below(np.repeat([-1.0, 1.0], [8, 2]), 0.2) == pytest.approx(0.0075, abs=1e-4)
    assert stats.binom.sf(7, 10, 0.5) == pytest.approx(1 / 18, abs=0.001)
    assert needed(2, 4, 0.2, 0.05) == 2 and needed(1, 4, 0.2, 0.05) == 2


@pytest.mark.parametrize(
    ("readers", "how", "words"),
    [
        (READERS[:2], {}, "readers: found r0, r1, expected three or more"),
        (READERS, {"epsilon": -0.1}, "epsilon: found -0.1, expected between 0 and 1"),
        (READERS, {"q": 0}, "q: found 0, expected between 0 and 1"),
    ],
)
def test_what_cannot_be_asked_is_refused(readers: list[str], how: dict[str, float], words: str) -> None:
    with pytest.raises(StatisticsError, match=words):
        alternative_annotator(agreement(annotations(0)), models=["net"], readers=readers, **how)  # type: ignore[arg-type]
