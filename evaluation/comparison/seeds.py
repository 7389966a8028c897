"""Does a difference of methods outlast another seed? Methods compared over several networks of each.

A network is one draw of its method: the same data, trained with another seed, give another network. Where a
method was trained with several seeds, the mean over its networks is compared, against the yardstick of all
readers with another method, and by the fair scores with the median reader; the spread between networks goes
into the interval beside that between exams (`evaluation.statistics.crossed`). Means, not the medians of the
verdicts: of means it can be said what exams and seeds each add. Only exams in which every network of both
is defined are compared; the others are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd

from evaluation.comparison.paired import Apart
from evaluation.comparison.readers import MEDIAN_READER, with_article
from evaluation.measures.measure import Measure
from evaluation.scores.fair import over_consensuses, units
from evaluation.statistics.crossed import Crossed, crossed_difference
from evaluation.statistics.signed_rank import holm
from evaluation.statistics.words import (
    DASH,
    count_of,
    interval,
    number,
    p_value,
    percent,
    signed,
    with_interval,
)
from evaluation.table import Table

Call = Literal["clear", "within seeds", "few seeds", "not settled", "not comparable", "not judged"]

COLUMNS = [
    "measure", "level", "model", "other", "n_seeds", "n_seeds_other", "difference", "low", "high",
    "exams_low", "exams_high", "confidence", "degrees", "sd_seeds", "sd_seeds_other", "sd_exams", "p",
    "p_holm", "n_pairs", "n_left_out", "call",
]  # fmt: skip

#: Intervals of two seeds hold too rarely for a claim.
FEWEST = 3


def networks_of(models: Sequence[str], seed_of: Mapping[str, str]) -> dict[str, list[str]]:
    """First network to all networks of its method, of methods with several among some models.

    Examples
    --------
    >>> networks_of(["net", "net_b", "unet"], {"net_b": "net"})
    {'net': ['net', 'net_b']}
    """
    found: dict[str, list[str]] = {}
    for model in models:
        found.setdefault(seed_of.get(model, model), []).append(model)
    return {first: networks for first, networks in found.items() if len(networks) > 1}


def compare_over_seeds(
    scores: pd.DataFrame,
    fair: pd.DataFrame | None,
    networks: Mapping[str, Sequence[str]],
    readers: Sequence[str],
    *,
    confidence: float = 0.95,
    spoken_of: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Every pair of methods with several seeds, and each of them beside the median reader, level by level.

    Parameters
    ----------
    scores, fair : DataFrame
        As of `evaluation.comparison.models.compare_models`; without `fair` there is no median reader.
    networks : mapping of str to sequence of str
        First network to all of its method, of `networks_of`.
    spoken_of : sequence of str, optional
        The levels that sentences speak of: no others have an adjusted p. By default all. Holm adjusts all
        pairs of methods and these levels together, and all methods beside the median reader.

    Returns
    -------
    DataFrame
        `COLUMNS` but ``measure``. ``model`` and ``other`` are the first networks of the methods; ``low`` and
        ``high`` are over exams and seeds, ``exams_low`` and ``exams_high`` over exams alone; ``sd_seeds`` and
        ``sd_seeds_other`` between the means over exams of the networks, ``sd_exams`` between exams;
        ``n_pairs`` exams compared, ``n_left_out`` in which a network (or the median reader) is undefined.
        ``call`` says whether the difference is ``clear`` (adjusted; of the levels spoken of); else whether it
        is no larger than the spread between single networks of the two (``within seeds``); else whether a
        method has fewer than `FEWEST` (``few seeds``). Of levels that are not spoken of it is ``not judged``.
    """
    rows = []
    for level in dict.fromkeys(scores.level):
        table = _defined(over_consensuses(scores[scores.level == level]), networks)
        for model, other in combinations(networks, 2):
            both = table[[*networks[model], *networks[other]]]
            ours = _by_exam(both.dropna())
            found = crossed_difference(
                ours[list(networks[model])].to_numpy().T, ours[list(networks[other])].to_numpy().T,
                confidence=confidence,
            )  # fmt: skip
            counts = {"n_seeds": len(networks[model]), "n_seeds_other": len(networks[other])}
            rows.append(_row(level, model, other, found, len(_by_exam(both)) - len(ours)) | counts)
    if fair is not None and len(fair):
        settled = over_consensuses(fair)
        for level in dict.fromkeys(fair.level):
            apart = Apart(settled[settled.level == level])
            for model, of in networks.items():
                each = [apart.beside_median(one, readers).to_frame() for one in of]
                both = pd.concat([one.model - one.other for one in each], axis=1, keys=of)
                ours = _by_exam(both.dropna())
                found = crossed_difference(ours.to_numpy().T, confidence=confidence)
                row = _row(level, model, MEDIAN_READER, found, len(_by_exam(both)) - len(ours))
                rows.append(row | {"n_seeds": len(of), "n_seeds_other": 0})
    table = pd.DataFrame(rows).assign(confidence=confidence)
    return _called(table, spoken_of)[COLUMNS[1:]]


def _defined(scores: pd.DataFrame, networks: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """A row an exam (knee), a column a network."""
    of_any = scores[scores.rater.isin([one for of in networks.values() for one in of])]
    return of_any.pivot(index=units(scores), columns="rater", values="dice").sort_index()


def _by_exam(table: pd.DataFrame) -> pd.DataFrame:
    """The mean of an exam's knees."""
    return table.groupby(level="exam", sort=False).mean() if len(table) else table


def _row(level: str, model: str, other: str, found: Crossed, left_out: int) -> dict[str, Any]:
    facts = {name: getattr(found, name) for name in COLUMNS if hasattr(found, name)}
    counts = {"n_pairs": found.n_exams, "n_left_out": left_out}
    return {"level": level, "model": model, "other": other} | facts | counts


def _called(table: pd.DataFrame, spoken_of: Sequence[str] | None) -> pd.DataFrame:
    spoken = table.level.isin(list(table.level if spoken_of is None else spoken_of))
    of_readers = table.other == MEDIAN_READER
    p_holm = table.p.where(spoken).groupby(of_readers).transform(lambda p: holm(p.to_numpy()))
    rows = table.assign(p_holm=p_holm, spoken=spoken)
    return rows.assign(call=[_call(row) if row.spoken else "not judged" for row in rows.itertuples()])


def _call(row: Any) -> Call:
    if not row.n_pairs:
        return "not comparable"
    few = min(row.n_seeds, row.n_seeds_other or row.n_seeds) < FEWEST
    if not few and row.p_holm <= round(1 - row.confidence, 12):
        return "clear"
    if abs(row.difference) <= spread(row):
        return "within seeds"
    return "few seeds" if few else "not settled"


def spread(row: Any) -> float:
    """The standard deviation of the difference of two single networks, one of each method, on these exams."""
    return float(np.sqrt(np.nansum([row.sd_seeds**2, row.sd_seeds_other**2])))


def in_words(table: pd.DataFrame, levels: Sequence[str]) -> list[str]:
    """A sentence a pair of methods, and a method beside the median reader: Dice on the levels spoken of.

    Examples
    --------
    >>> row = {"measure": "dice", "level": "level1", "model": "net", "other": "unet", "n_seeds": 3,
    ...     "n_seeds_other": 3, "difference": 0.021, "low": -0.04, "high": 0.08, "sd_seeds": 0.02,
    ...     "sd_seeds_other": 0.015, "call": "within seeds"}
    >>> print(*in_words(pd.DataFrame([row]), ["level1"]))
    net minus unet over seeds (3 and 3 networks): within the spread between seeds on level1 +0.02 (-0.04 to +0.08; single networks differ by 0.03).
    """  # noqa: E501
    return [_sentence(of_pair, _with_interval) for of_pair in _pairs(table, levels)]


def in_brief(table: pd.DataFrame, levels: Sequence[str], most: int) -> str:
    """The same in short, for the top of a page: pairs of methods, counted where there are more than `most`.

    Where there is no pair, methods beside the median reader.
    """
    pairs = _pairs(table, levels)
    shown = [rows for rows in pairs if rows.other.iloc[0] != MEDIAN_READER] or pairs
    if len(shown) <= most:
        return " ".join(_sentence(rows, _difference) for rows in shown)
    calls = pd.concat(shown).call.map(lambda call: _SAID[call].removesuffix(" on")).value_counts()
    told = ", ".join(f"{n} {said}" for said, n in calls.items())
    return f"Of {calls.sum()} differences of {len(shown)} pairs over seeds: {told}."


def _pairs(table: pd.DataFrame, levels: Sequence[str]) -> list[pd.DataFrame]:
    rows = table[(table.measure == "dice") & table.level.isin(levels)]
    return [of_pair for _, of_pair in rows.groupby(["model", "other"], sort=False)]


#: What is said of a difference, by its call, in the order in which it is said.
_SAID: Mapping[str, str] = {
    "clear": "clear on",
    "within seeds": "within the spread between seeds on",
    "not settled": "not settled on",
    "few seeds": "of too few seeds to be called on",
    "not comparable": "not comparable on",
}


def _sentence(rows: pd.DataFrame, level: Callable[[Any], str]) -> str:
    first = next(rows.itertuples())
    networks = f"{first.n_seeds} and {first.n_seeds_other}" if first.n_seeds_other else f"{first.n_seeds}"
    parts = [
        f"{said} {', '.join(map(level, rows[rows.call == call].itertuples()))}"
        for call, said in _SAID.items()
        if (rows.call == call).any()
    ]
    # A verdict asks more of a model beside the readers.
    alone = ", by the fair scores alone" * (first.other == MEDIAN_READER)
    pair = f"{first.model} minus {with_article(str(first.other))}"
    return f"{pair} over seeds ({networks} networks){alone}: {'; '.join(parts)}."


def _difference(row: Any) -> str:
    return str(row.level) if row.call == "not comparable" else f"{row.level} ({signed(row.difference)})"


def _with_interval(row: Any) -> str:
    if row.call == "not comparable":
        return str(row.level)
    told = f"{row.level} {with_interval(row.difference, row.low, row.high, sign=True)}"
    return f"{told[:-1]}; single networks differ by {number(spread(row))})" if row.call != "clear" else told


def seeds_table(table: pd.DataFrame, measure: Measure, *, title: str, notes: Sequence[str] = ()) -> Table:
    """`compare_over_seeds` by a measure as a printed table, a row a level and pair."""
    of = table[table.measure == measure.name]
    confidence = percent(of.confidence.iloc[0])
    rows = [
        [
            f"{row.level}, {row.model} minus {row.other}",
            with_interval(row.difference, row.low, row.high, sign=True),
            interval(row.exams_low, row.exams_high, sign=True),
            number(row.sd_seeds) + (f", {number(row.sd_seeds_other)}" if row.n_seeds_other else ""),
            number(row.sd_exams),
            p_value(row.p_holm),
            count_of(row.n_pairs, row.n_pairs + row.n_left_out),
            DASH if row.call == "not judged" else row.call,
        ]
        for row in of.itertuples()
    ]
    columns = [
        "Level, pair", f"Over exams and seeds ({confidence})", f"Over exams alone ({confidence})",
        "SD between seeds", "SD between exams", "Holm p", "Exams", "Verdict",
    ]  # fmt: skip
    counts = {row.model: row.n_seeds for row in of.itertuples()}
    counts |= {row.other: row.n_seeds_other for row in of.itertuples() if row.n_seeds_other}
    networks = ", ".join(f"{name} {n}" for name, n in counts.items())
    own = [
        "Mean over a method's networks, which differ in their seed alone, minus that of the other, or minus "
        f"the median reader, by {measure.title}. Networks: {networks}. SD between seeds: of the networks' "
        "means over exams; between exams: of the difference.",
        "Beside the median reader by the fair scores alone: a verdict also asks agreement without a "
        "consensus, and other ways of looking.",
        "Interval over exams and seeds: random exams, and seeds within a method (Satterthwaite). Holm p: "
        "over all pairs of methods and levels, and over all methods beside the median reader and levels; "
        "groups repeat levels and have neither that nor a verdict.",
        f"Clear: Holm p is at most {1 - of.confidence.iloc[0]:.2g}, of {FEWEST} seeds or more of each. "
        "Within seeds: not clear, and no larger than the standard deviation of the difference of two single "
        "networks. Exams: those in which every network is defined, of all.",
    ]
    return Table(title, columns, rows, [*own, *notes], of)
