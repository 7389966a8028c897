import numpy as np
import pytest

from evaluation.statistics import words


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (words.number(0.714), "0.71"),
        (words.number(-0.001), "0.00"),
        (words.number(np.nan), "–"),
        (words.number(None), "–"),
        (words.number(-12.34, 1), "-12.3"),
        (words.signed(0.05), "+0.05"),
        (words.signed(-0.05), "-0.05"),
        (words.signed(-0.05, 3, typeset=True), "\N{MINUS SIGN}0.050"),
        (words.signed(-0.001), "0.00"),
        (words.signed(np.nan), "–"),
        (words.percent(0.95), "95 %"),
        (words.percent(0.975), "97.5 %"),
        (words.percent(0.97852, 1), "97.9 %"),
        (words.p_value(0.0004), "< 0.001"),
        (words.p_value(0.0416), "0.042"),
        (words.p_value(np.nan), "–"),
        (words.p_is(0.0416), "p = 0.042"),
        (words.p_is(0.0004), "p < 0.001"),
        (words.interval(0.6, 0.8), "0.60–0.80"),
        (words.interval(-0.12, 0.05, sign=True), "-0.12 to +0.05"),
        (words.interval(-0.004, 0.0049, sign=True), "within ±0.005"),
        (words.interval(-0.004, 0.05, sign=True), "0.00 to +0.05"),
        (words.interval(np.nan, np.nan), "no interval"),
        (words.with_interval(0.7, 0.6, 0.8), "0.70 (0.60–0.80)"),
        (words.with_interval(0.7, np.nan, np.nan, sign=True), "+0.70 (no interval)"),
        (words.with_interval(np.nan, 0, 1), "–"),
        (words.star_if_short(0.9, 0.95), "*"),
        (words.star_if_short(0.95 - 1e-15, 0.95), ""),
        (words.count_of(9, 10, "exams"), "9 of 10 exams"),
        (words.count_of(9, 10), "9 of 10"),
        (words.count_of(1, 1, "exams"), "1 of 1 exam"),
        (words.count_of(0, 1, "exams"), "0 of 1 exam"),
        (words.count_of(1, 3, "exams"), "1 of 3 exams"),
        (words.count_of(1, 1), "1 of 1"),
        (words.plural(1, "exam"), "1 exam"),
        (words.plural(0, "exam"), "0 exams"),
    ],
)
def test_a_number_as_text(found: str, expected: str) -> None:
    assert found == expected
