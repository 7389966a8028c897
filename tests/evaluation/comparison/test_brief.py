"""Verdicts in brief say no more than the verdicts."""

from __future__ import annotations

from evaluation.comparison.brief import beside_readers, between_models
from evaluation.comparison.readers import MEDIAN_READER
from evaluation.comparison.verdicts import Call, LevelVerdict, Verdict, Without


def level(name: str, difference: float, *, clear: bool = True, **more: object) -> LevelVerdict:
    return LevelVerdict(name, difference, difference - 0.01, difference + 0.01, 0.01, 10, clear, **more)  # type: ignore[arg-type]


def verdict(
    first: str, call: Call, *levels: LevelVerdict, other: str = MEDIAN_READER, **more: object
) -> Verdict:
    return Verdict(first, other, call, levels, f"{first} in full.", **more)  # type: ignore[arg-type]


def test_who_is_better_where_and_not_without_whom() -> None:
    again = Without("anna", ("net",), verdict("net", "not settled", level("low", 0.1, clear=False)))
    better = verdict("net", "better", level("low", 0.12), level("high", 0.3, clear=False), without=(again,))
    assert beside_readers([better]) == (
        "net is better than the median reader on low (by 0.12), but not settled without anna, who taught it."
    )
    worse = verdict("other", "worse", level("low", -0.2))
    assert beside_readers([better, worse]).endswith("; other is worse on low (by 0.20).")
    same = Without("anna", ("net",), verdict("net", "better", level("low", 0.1)))
    assert "anna" not in beside_readers([verdict("net", "better", level("low", 0.12), without=(same,))])


def test_what_turns_is_not_called_better() -> None:
    turned = level("low", 0.2, turned=("without ben",))
    told = "Which of net and the median reader is better is not settled"
    assert beside_readers([verdict("net", "not settled", turned)]) == f"{told}."
    both = [verdict(name, "not settled", turned) for name in ("net", "other")]
    assert beside_readers(both) == f"{told}; for other it is not settled."


def test_models_and_who_taught_both() -> None:
    again = Without("anna", ("a", "b"), verdict("a", "worse", level("low", -0.07), other="b"))
    pair = verdict("a", "not settled", level("low", 0.01, clear=False), other="b", without=(again,))
    assert between_models([pair]) == (
        "Which of a and b is better is not settled; without anna, who taught both, b is better on low "
        "(by 0.07)."
    )
    split = verdict("a", "split", level("low", 0.1), level("high", -0.2), other="b")
    assert between_models([split]) == (
        "Neither a nor b is better throughout: a on low (by 0.10), b on high (by 0.20)."
    )
    absent = level("low", 0.0, clear=False, clear_absent=True, n_false_other=7)
    assert (
        between_models([verdict("a", "better", absent, other="b")])
        == "a is better than b where there is no low."
    )
    assert between_models([]) == ""


def test_many_are_counted() -> None:
    many = [
        verdict(f"net{n}", "better" if n < 2 else "not settled", level("low", 0.1, clear=n < 2))
        for n in range(5)
    ]
    assert beside_readers(many) == "Of 5 models beside the median reader: 2 better, 3 not settled."
    pairs = [verdict(f"net{n}", "not settled", level("low", 0, clear=False), other="x") for n in range(5)]
    assert between_models(pairs) == "Of 5 pairs of models none is settled."


def test_copies_and_what_cannot_be_compared_are_said_in_their_own_words() -> None:
    nowhere = Verdict(
        "net", MEDIAN_READER, "not comparable", (), "net and the median reader cannot be compared."
    )
    assert beside_readers([nowhere]) == "net and the median reader cannot be compared."


def test_of_many_it_is_counted_what_is_not_clear_over_seeds_or_otherwise_without_a_teacher() -> None:
    again = Without("anna", ("net0",), verdict("net0", "not settled", level("low", 0.1, clear=False)))
    more: list[dict[str, object]] = [{"without": (again,)}, {"unclear_over_seeds": ("low",)}, {}, {}]
    many = [verdict(f"net{n}", "better", level("low", 0.1), **each) for n, each in enumerate(more)]
    assert beside_readers(many) == (
        "Of 4 models beside the median reader: 4 better. Of 1 this is otherwise without the reader whose "
        "masks taught it. Of 1 it is not clear over seeds on every level."
    )
