"""What comparisons on several levels come to: which of two raters is better, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from evaluation.comparison.models import FAIR, USUAL
from evaluation.comparison.readers import MEDIAN_READER, in_words, with_article
from evaluation.statistics.words import number, plural


def verdicts(table: pd.DataFrame) -> list[str]:
    """Which of each pair in `compare_models` is better by the usual scores; whether the fair say the same."""
    usual, fair = (table[table.way == way] for way in (USUAL, FAIR))
    few = _too_few(usual.n_pairs, int(usual.p.notna().sum()), _alpha(usual))
    found = []
    for (model, other), rows in usual.groupby(["model", "other"], sort=False):
        said = verdict(rows)
        beside = fair[(fair.model == model) & (fair.other == other)]
        if len(beside) and not few:
            said += _fair_beside(rows, beside)
        found.append(said + few)
    return found


def pairs_in_words(table: pd.DataFrame) -> list[str]:
    """Every pair of `compare_models` on every level by the usual scores, a sentence each."""
    return [in_words(row) for row in table[table.way == USUAL].itertuples()]


def reach_readers(comparisons: pd.DataFrame) -> list[str]:
    """Does each model reach the median reader, by the fair scores?

    Of `evaluation.comparison.readers.compare` with a column ``way``. Where a margin was named, a second
    sentence says on which levels non-inferiority is shown.
    """
    found = []
    for _, rows in comparisons[comparisons.way == FAIR].groupby("model", sort=False):
        beside = rows[rows.other == MEDIAN_READER]
        family = int(rows.groupby("level").p.count().min())
        few = _too_few(beside.n_pairs, family, _alpha(beside))
        found.append(verdict(beside) + _margin(beside) + few)
    return found


def verdict(rows: pd.DataFrame) -> str:
    """Which of two raters is better: on how many levels, by how much, and where that is shown.

    One is called better when a difference in its favour is shown on some level (Holm's p at most 1 minus
    the confidence) and none in favour of the other. What is not shown is not called equal. Rows are a level
    each of one pair and way: ``way, level, model, other, difference, confidence, p_holm, n_pairs``.

    Examples
    --------
    >>> rows = pd.DataFrame({"level": ["level1", "level2"], "model": "nnunet", "other": "unet",
    ...     "difference": [0.08, 0.03], "confidence": 0.95, "p_holm": [0.004, 0.21], "n_pairs": 10,
    ...     "way": "usual"})
    >>> print(verdict(rows))
    nnunet is better than unet: its Dice is higher on 2 of 2 levels (by 0.03 to 0.08), shown on level1 (usual scores; Holm p at most 0.05; 10 exams).
    """  # noqa: E501
    first, second = (with_article(rows[column].iloc[0]) for column in ("model", "other"))
    # The last digits of floating point are no difference, for the test neither.
    rows = rows.assign(difference=rows.difference.round(12))
    compared = rows[rows.n_pairs > 0]
    if compared.empty:
        return _sentence(f"{first} and {second} cannot be compared: in no exam are both defined.")
    shown = _shown(rows)
    if _is_second_ahead(compared, shown):
        first, second, compared = second, first, compared.assign(difference=-compared.difference)
    signs = set(shown.values())
    if len(signs) > 1:
        opening = f"neither {first} nor {second} is better on every level: the Dice of {first}"
    elif signs:
        opening = f"{first} is better than {second}: its Dice"
    else:
        opening = f"{first} and {second} cannot be told apart: the Dice of {first}"
    parts = _parts(rows, compared, shown)
    exams = " to ".join(str(n) for n in sorted({compared.n_pairs.min(), compared.n_pairs.max()}))
    facts = f"{rows.way.iloc[0]} scores; Holm p at most {_alpha(rows):g}; {exams} exam{'s' * (exams != '1')}"
    return _sentence(f"{opening} is {'; '.join(parts)} ({facts}).")


def _is_second_ahead(compared: pd.DataFrame, shown: dict[str, int]) -> bool:
    """Whether the second is the one to speak of: shown on more levels, or where as many, ahead on more."""
    for balance in (sum(shown.values()), int(np.sign(compared.difference).sum())):
        if balance:
            return balance < 0
    return False


def _parts(rows: pd.DataFrame, compared: pd.DataFrame, shown: dict[str, int]) -> list[str]:
    """The levels on which the Dice is higher, lower, equal, and those that cannot be compared."""
    parts: list[str] = []
    for word, sign in (("higher", 1), ("lower", -1)):
        if len(levels := compared[compared.difference * sign > 0]):
            there = [level for level in levels.level if level in shown]
            where = f"{len(levels)} of {len(rows)} levels" if not parts else f"{len(levels)}"
            shown_on = "all of these" if len(there) == len(levels) > 1 else _list(there)
            by = f"(by {_by(levels.difference.abs())})"
            parts.append(f"{word} on {where} {by}, {f'shown on {shown_on}' if there else 'not shown'}")
    if len(equal := compared[compared.difference == 0]):
        parts.append(f"estimated equal on {_list(equal.level)}")
    if len(undefined := rows[rows.n_pairs == 0]):
        parts.append(f"not comparable on {_list(undefined.level)}")
    return parts


def _shown(rows: pd.DataFrame) -> dict[str, int]:
    """Levels on which a difference is shown, with its sign."""
    signs = np.sign(rows.difference.round(12))
    found = (rows.p_holm <= _alpha(rows)) & (signs != 0)
    return dict(zip(rows.level[found], signs[found].astype(int).tolist(), strict=True))


def _fair_beside(usual: pd.DataFrame, fair: pd.DataFrame) -> str:
    shown = _shown(fair)
    if shown == _shown(usual):
        return f" The fair scores show {'the same' if shown else 'no difference either'}."
    if not shown:
        return " The fair scores show no difference."
    ahead = [
        f"{name} ahead on {_list([level for level, side in shown.items() if side == sign])}"
        for sign, name in ((1, fair.model.iloc[0]), (-1, fair.other.iloc[0]))
        if sign in shown.values()
    ]
    return f" The fair scores show {' and '.join(ahead)}."


def _too_few(n_pairs: pd.Series, family: int, alpha: float) -> str:
    """What to say where even exams that all point one way could not reach the level."""
    most = int(n_pairs.max())
    if not most or family * 2.0 ** (1 - most) <= alpha:
        return ""
    few = f"{plural(most, 'exam')} and {plural(family, 'test')}"
    return f" With {few} no difference can be shown, however large."


def _margin(rows: pd.DataFrame) -> str:
    """On which levels non-inferiority is shown, where a margin was named."""
    if "p_margin_holm" not in rows or rows.margin.isna().all():
        return ""
    levels = rows.level[rows.p_margin_holm <= (1 - rows.confidence) / 2]
    return f" Non-inferiority with a margin of {rows.margin.iloc[0]:g} is shown on {_list(levels)}."


def _alpha(rows: pd.DataFrame) -> float:
    return round(1 - rows.confidence.iloc[0], 12)


def _by(differences: pd.Series) -> str:
    ends = sorted({number(value) for value in (differences.min(), differences.max())})
    return " to ".join("less than 0.01" if end == "0.00" else end for end in ends)


def _list(names: Sequence[str] | pd.Series) -> str:
    return ", ".join(names) if len(names) else "none"


def _sentence(words: str) -> str:
    """A sentence of ours begins with a capital; a rater's name at its head stays as it is."""
    return words[0].upper() + words[1:] if words.startswith(("the ", "neither ")) else words
