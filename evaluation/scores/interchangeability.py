"""Can a model stand in for a reader? Agreement with the readers beside theirs with each other; no consensus.

Of an exam and level: the model's mean agreement with the readers, minus the mean over pairs of readers; the
estimate is the mean over exams. The idea is that of Obuchowski, Subhas, Schoenhagen (Acad Radiol 2014;
21:1483; abstract opened): differences between a new test and an existing one beside differences within the
existing one, without a reference standard. Ours is Dice where they have frequencies and degrees.

One outlying reader lowers the readers' mean, so that a model can be above it and below every other reader:
`by_reader` sets it in each reader's place, against the others.

**Marking nothing.** A pair that both marked nothing agrees: it counts as perfect agreement, in exams in which
a reader or the model marked the level. Exams in which none of them did say nothing and are left out, of both
means. A model that marks a level where no reader does has 0 there, and the readers 1: inventing costs. Were
such pairs left out instead, a false focus that one of four readers shares would earn something, and the
right empty mask 0.

**Readers who drew some exams each.** An exam speaks for those who drew it: the model's agreement with them
beside theirs with each other. One that a single reader drew says nothing and has no part. With readers random
the jackknife leaves out a reader, however many exams that reader drew, and there is no bootstrap.

**Ways.** `FIXED`: these readers; exams vary. `RANDOM`: readers vary too, as a sample of readers. `ONE_MORE`:
besides, the model's own habits are those of one more reader: is it further off than another reader would be?
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from evaluation.scores.side_by_side import OfLevel, Pairs
from evaluation.statistics.intervals import StatisticsError, check_confidence
from evaluation.statistics.resampling import (
    SAMPLES,
    Relabelled,
    Student,
    jackknife_variance,
    studentised_bootstrap,
)
from evaluation.statistics.signed_rank import hodges_lehmann, holm, signed_rank

FIXED, RANDOM, ONE_MORE = "readers fixed", "readers random", "one more reader"
#: ``left_out`` where all readers are there.
NOBODY = "nobody"

#: Columns of `interchangeability`; with a margin also those of `MARGIN_COLUMNS`.
COLUMNS = [
    "level", "model", "way", "left_out", "model_mean", "readers_mean", "difference", "low", "high",
    "jackknife_low", "jackknife_high", "relabelled_low", "relabelled_high", "bootstrap_low", "bootstrap_high",
    "confidence", "p", "p_holm", "n_exams", "n_absent", "n_invented",
]  # fmt: skip
#: Columns of `by_reader`; with a margin also those of `MARGIN_COLUMNS`.
READER_COLUMNS = [
    "level", "model", "other", "model_mean", "reader_mean", "difference", "low", "high", "confidence",
    "coverage", "p", "p_holm", "n_exams", "n_absent", "n_equal",
]  # fmt: skip
MARGIN_COLUMNS = ["margin", "p_worse", "p_worse_holm", "p_equivalent", "p_equivalent_holm"]


def interchangeability(
    pairs: pd.DataFrame,
    *,
    models: Sequence[str],
    readers: Sequence[str],
    family: Sequence[str] | None = None,
    margin: float | None = None,
    value: str = "dice",
    agreed: float = 1.0,
    higher_is_better: bool = True,
    confidence: float = 0.95,
    leave_out: bool | Sequence[str] = True,
    ways: Sequence[str] = (FIXED, RANDOM, ONE_MORE),
    seed: int = 0,
) -> pd.DataFrame:
    """Agreement of each model with the readers minus theirs with each other, on every level.

    With readers fixed the interval is the wider, on each side, of the jackknife's over exams (Student's t)
    and the one by relabelling (`evaluation.statistics.resampling.Relabelled`), and p the larger: between
    exchangeable raters the differences are skewed, and t alone finds too many
    (docs/explanation/interchangeability.md). With readers random the jackknife's variance over readers is
    added, for one more reader that of the model's own habits too; neither is surer than with readers fixed.
    Bootstraps stand beside them: over exams studentised; over exams and readers percentiles, a reader drawn
    twice never paired with its own copy. ``low`` and ``high`` of measures from 0 to 1 are cut at +-1.

    Parameters
    ----------
    pairs : DataFrame
        Columns ``exam, level, rater, other`` and `value`, a row an exam, level and pair, as of
        `evaluation.scores.agreement.pairwise_dice`. NaN: both marked nothing. Who is in no pair of an exam
        has no mask of it.
    family : sequence of str, optional
        The levels that statements speak of: Holm adjusts over them and all models, for a page is read for
        whoever stands out; other rows have no adjusted p. By default every level.
    margin : float, optional
        The loss of agreement that would not matter: tests non-inferiority and equivalence (two one-sided
        tests), each one-sided at half of what the interval leaves out.
    agreed : float
        The measure's value where two masks agree perfectly.
    higher_is_better : bool
        False for distances: differences are turned round, so that more than 0 is always more agreement.
    leave_out : bool or sequence of str
        Whether it is also answered without each reader in turn, or without each of some.
    ways : sequence of str
        With readers fixed alone no bootstrap is drawn.

    Returns
    -------
    DataFrame
        `COLUMNS`: ``left_out``, a reader who is taken out of everything (three or more readers, readers
        fixed), or `NOBODY`; ``n_exams`` compared, ``n_absent`` in which nobody marked the level,
        ``n_invented`` in which the model alone did. With a margin `MARGIN_COLUMNS`: ``p_worse`` is small
        where the model is clearly not worse by the margin.

    Raises
    ------
    StatisticsError
        When there are fewer than two readers, a pair of two who have masks is missing, or the confidence or
        margin is not between 0 and 1.
    """
    _check(pairs, models, readers, margin, confidence, value)
    measured: dict[str, Any] = {"value": value, "agreed": agreed, "higher_is_better": higher_is_better}
    rows: list[dict[str, Any]] = []
    without = ([], readers)[leave_out] if isinstance(leave_out, bool) else leave_out
    levels = {level: OfLevel(pairs, level, **measured) for level in dict.fromkeys(pairs.level)}
    for level, model in product(levels, models):
        for left_out in (NOBODY, *(without if len(readers) > 2 else ())):
            kept = sorted(reader for reader in readers if reader != left_out)
            found = levels[level].of([*kept, model])
            sign = 1 if higher_is_better else -1
            random_too = left_out == NOBODY and list(ways) != [FIXED]
            for row in _ways(found, random_too, margin, confidence, seed):
                means = {name: sign * row[name] for name in ("model_mean", "readers_mean")}
                named = {"level": level, "model": model, "left_out": left_out, "confidence": confidence}
                rows.append(named | row | means)
    table = pd.DataFrame(rows).reindex(columns=COLUMNS + ([] if margin is None else MARGIN_COLUMNS))
    if higher_is_better and agreed == 1:
        # Planning takes half widths back from the jackknife's: those are not cut.
        table[["low", "high"]] = table[["low", "high"]].clip(-1, 1)
    return adjusted(table, ["way", "left_out"], family)


def by_reader(
    pairs: pd.DataFrame,
    *,
    models: Sequence[str],
    readers: Sequence[str],
    family: Sequence[str] | None = None,
    margin: float | None = None,
    value: str = "dice",
    agreed: float = 1.0,
    higher_is_better: bool = True,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Each model in each reader's place: its agreement with the other readers minus that reader's with them.

    Exam by exam; the estimate is that of Hodges and Lehmann with the interval of the exact signed-rank test,
    whose symmetry holds where model and reader could be exchanged. Parameters and errors are those of
    `interchangeability`; Holm adjusts over all readers and levels of a model.

    Returns
    -------
    DataFrame
        `READER_COLUMNS`: ``other`` is the reader whose place it takes; with a margin `MARGIN_COLUMNS`.
    """
    _check(pairs, models, readers, margin, confidence, value)
    measured: dict[str, Any] = {"value": value, "agreed": agreed, "higher_is_better": higher_is_better}
    rows: list[dict[str, Any]] = []
    levels = {level: OfLevel(pairs, level, **measured) for level in dict.fromkeys(pairs.level)}
    for level, model in product(levels, models):
        found = levels[level].of([*readers, model])
        sign = 1 if higher_is_better else -1
        for place, reader in enumerate(readers):
            ours, theirs = found.in_place(place)
            differences = np.round(ours - theirs, 12)
            n_absent = int(found.absent[:, place].sum())
            interval, test = hodges_lehmann(differences, confidence=confidence), signed_rank(differences)
            row = {
                "level": level, "model": model, "other": reader, "difference": interval.estimate,
                "model_mean": sign * _mean(ours), "reader_mean": sign * _mean(theirs), "low": interval.low,
                "high": interval.high, "confidence": confidence, "coverage": interval.coverage, "p": test.p,
                "n_exams": len(differences), "n_absent": n_absent, "n_equal": test.n_equal,
            }  # fmt: skip
            if margin is not None:
                p_worse = signed_rank(differences + margin, "greater").p
                upper = signed_rank(differences - margin, "less").p
                row |= {"margin": margin, "p_worse": p_worse, "p_equivalent": np.maximum(p_worse, upper)}
            rows.append(row)
    table = pd.DataFrame(rows).reindex(columns=READER_COLUMNS + ([] if margin is None else MARGIN_COLUMNS))
    return adjusted(table, ["model"], family)


def _ways(
    found: Pairs, random_too: bool, margin: float | None, confidence: float, seed: int
) -> list[dict[str, Any]]:
    """The rows of one model and level, a way each."""
    as_model = found.each_as_model()
    differences = as_model[:, -1]
    n, n_readers = as_model.shape[0], found.n_readers
    ours = _mean(found.of_model())
    common: dict[str, Any] = {
        "model_mean": ours, "readers_mean": ours - _mean(differences), "difference": _mean(differences),
        "n_exams": n, "n_absent": found.n_absent, "n_invented": found.n_invented,
    }  # fmt: skip
    if n < 2:
        return [common | {"way": FIXED} | ({} if margin is None else {"margin": margin})]
    of_exams = float(differences.var(ddof=1) / n)
    student = Student.of_parts(common["difference"], [(of_exams, n - 1)])
    labels = Relabelled.of(as_model, seed=seed)
    by_t, by_labels = student.interval(confidence), labels.interval(confidence)
    row = common | {"way": FIXED} | _tested([student, labels], margin)
    row |= {"low": min(by_t[0], by_labels[0]), "high": max(by_t[1], by_labels[1])}
    row |= _bounds("jackknife", by_t) | _bounds("relabelled", by_labels)
    if not random_too:
        return [row]
    row |= _bounds("bootstrap", studentised_bootstrap(differences, confidence=confidence, seed=seed))
    rows = [row]
    without = [_mean(found.without(place).each_as_model()[:, -1]) for place in range(n_readers)]
    # Where readers drew some exams each, no exam may be left without one of them.
    if n_readers > 2 and not np.isnan(without).any():
        of_readers = jackknife_variance(np.array(without))
        for way, times in ((RANDOM, 1), (ONE_MORE, 1 + n_readers)):
            parts = [(of_exams, n - 1), (times * of_readers, n_readers - 1)]
            both = Student.of_parts(common["difference"], parts)
            bounds = both.interval(confidence)
            # Readers who vary too make nobody surer.
            wider = {"low": min(bounds[0], row["low"]), "high": max(bounds[1], row["high"])}
            more = common | {"way": way} | wider | _tested([student, labels, both], margin)
            rows.append(more | _bounds("jackknife", bounds))
        if found.is_complete:
            rows[1] |= _bounds("bootstrap", _of_both(found.values, confidence, seed))
    return rows


def _tested(tests: Sequence[Any], margin: float | None) -> dict[str, Any]:
    """The largest p of all tests: a difference, and what is said of the margin."""
    found: dict[str, Any] = {"p": max(min(1.0, 2 * min(test.above(0), test.below(0))) for test in tests)}
    if margin is not None:
        worse = max(test.above(-margin) for test in tests)
        better = max(test.below(margin) for test in tests)
        found |= {"margin": margin, "p_worse": worse, "p_equivalent": max(worse, better)}
    return found


def _bounds(name: str, bounds: tuple[float, float]) -> dict[str, float]:
    return {f"{name}_low": bounds[0], f"{name}_high": bounds[1]}


def _of_both(values: np.ndarray, confidence: float, seed: int) -> tuple[float, float]:
    """Percentiles of draws of exams and readers; draws of one reader alone have no pair and are left out."""
    n, n_readers = len(values), values.shape[1] - 1
    random = np.random.default_rng(seed)
    exams = random.multinomial(n, np.full(n, 1 / n), SAMPLES) / n
    drawn = random.multinomial(n_readers, np.full(n_readers, 1 / n_readers), SAMPLES)
    first, second = np.triu_indices(n_readers, 1)
    weights = drawn[:, first] * drawn[:, second]
    some = weights.any(axis=1)
    ours = ((exams @ values[:, -1, :-1]) * drawn).sum(axis=1) / n_readers
    theirs = ((exams @ values[:, first, second]) * weights).sum(axis=1)[some] / weights[some].sum(axis=1)
    low, high = np.quantile(ours[some] - theirs, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def adjusted(table: pd.DataFrame, by: Sequence[str], family: Sequence[str] | None = None) -> pd.DataFrame:
    """Rows with Holm's p over those that agree in `by`; none for levels that are not of the family."""
    spoken_of = table.level.isin(list(table.level) if family is None else list(family))
    for name in ("p", "p_worse", "p_equivalent"):
        if name in table:
            inside = table[name].astype(float).where(spoken_of)
            together = inside.groupby([table[column] for column in by], sort=False)
            table = table.assign(**{f"{name}_holm": together.transform(lambda p: holm(p.to_numpy()))})
    return table


def _check(
    pairs: pd.DataFrame,
    models: Sequence[str],
    readers: Sequence[str],
    margin: float | None,
    confidence: float,
    value: str,
) -> None:
    check_confidence(confidence)
    if len(readers) < 2:
        found = ", ".join(readers) or "none"
        raise StatisticsError(f"readers: found {found}, expected two or more, who can agree with each other")
    if both := set(models) & set(readers):
        raise StatisticsError(f"models: found {', '.join(sorted(both))} among the readers, expected others")
    if missing := [name for name in ("exam", "level", "rater", "other", value) if name not in pairs]:
        raise StatisticsError(f"pairs: found no column {', '.join(missing)}, expected one row a pair")
    if margin is not None and not 0 < margin < 1:
        raise StatisticsError(
            f"margin: found {margin:g}, expected a loss of agreement between 0 and 1, such as 0.05"
        )


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else np.nan
