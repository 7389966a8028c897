"""Figures of many levels or raters as coloured tables, in place of a panel each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from evaluation.comparison.readers import MEDIAN_READER
from evaluation.figures.matrix import matrix
from evaluation.figures.style import styled
from evaluation.measures.volume import bland_altman
from evaluation.scores.agreement import dice_matrix
from evaluation.statistics.words import DASH, number, plural, signed

#: More pairs of raters are not columns that can be read.
_MOST_PAIRS = 28


def agreement(summary: pd.DataFrame, value: str, note: str) -> Figure:
    """Dice of every pair of raters: a column a pair, or where those are too many a mean over all rows."""
    named = summary.assign(pair=summary.rater + " and " + summary.other)
    pairs, levels = list(dict.fromkeys(named.pair)), list(dict.fromkeys(named.level))
    if len(pairs) <= _MOST_PAIRS:
        found = named.pivot(index="level", columns="pair", values=value).loc[levels, pairs]
        return matrix(found, found.map(number), label=f"Dice of two raters, {value}", note=note)
    together = np.array([dice_matrix(summary, level, value) for level in levels])
    raters = dice_matrix(summary, levels[0], value).columns
    defined = np.isfinite(together).sum(axis=0)
    mean = np.divide(
        np.nansum(together, axis=0), defined, out=np.full(defined.shape, np.nan), where=defined > 0
    )
    shown = np.where(np.tril(np.ones(mean.shape, bool), -1), mean, np.nan)
    found = pd.DataFrame(shown, raters, raters).iloc[1:, :-1]
    label = f"Dice of two raters, {value} over exams, then over all {len(levels)} rows of Table 1"
    return matrix(found, found.map(number), label=label, note=note)


def fair_beside_usual(means: pd.DataFrame, levels: Sequence[str], raters: Sequence[str], note: str) -> Figure:
    """Mean Dice the fair way in colour, and both ways in print; `means` by level and rater."""
    both = means.reindex(pd.MultiIndex.from_product([levels, raters]))
    fair = both.fair.unstack()[list(raters)].loc[list(levels)]
    usual = both.usual.unstack()[list(raters)].loc[list(levels)]
    told = usual.map(number) + " \N{RIGHTWARDS ARROW} " + fair.map(number)
    label = "Mean Dice, usual \N{RIGHTWARDS ARROW} fair (own mask left out; the colour)"
    return matrix(fair, told, label=label, note=note)


def differences(
    rows: pd.DataFrame, label: str, note: str, *, down: str = "level", across: str = "other"
) -> Figure:
    """Differences of Dice, by two columns of the rows; a star where one is clear (Holm)."""
    first, second = list(dict.fromkeys(rows[down])), list(dict.fromkeys(rows[across]))
    star = np.where(rows.p_holm <= 1 - rows.confidence + 1e-12, "*", "")
    told = [DASH if pd.isna(x) else signed(x, typeset=True) for x in rows.difference]
    named = rows.assign(told=[text + mark for text, mark in zip(told, star, strict=True)])
    values = named.pivot(index=down, columns=across, values="difference").loc[first, second]
    print_ = named.pivot(index=down, columns=across, values="told").loc[first, second]
    most = max(0.1, float(values.abs().max().max())) if values.notna().any().any() else 0.1
    return matrix(values, print_, label=label, limits=(-most, most), colors="RdBu", note=note)


@styled
def models_beside_readers(comparisons: pd.DataFrame, *, note: str = "") -> Figure:
    """Of many models: each one's difference of Dice to the median reader, a row a model, a column a level.

    `comparisons` are of `evaluation.comparison.readers.compare`.
    """
    chosen = comparisons[comparisons.other == MEDIAN_READER]
    label = "Dice, model minus median reader; *: clear (Holm)"
    return differences(chosen, label, note, down="model", across="level")


def dice_by_volume(splits: pd.DataFrame, label: str, note: str) -> Figure:
    """Median Dice in the exams with little of a level and in those with much, and where these are split.

    `splits` are of `evaluation.failures.volumes.sparse_against_ample`, of one rater.
    """
    found = splits.set_index("level")
    columns = ["up to median", "above"]
    values = found[["dice_sparse", "dice_ample"]].set_axis(columns, axis=1)
    told = pd.DataFrame(
        {
            name: values[name].map(number) + " (" + found[n].map(str) + ")"
            for name, n in zip(columns, ("n_sparse", "n_ample"), strict=True)
        }
    )
    rows = [_with_ml(level, volume) for level, volume in found.split_ml.items()]
    return matrix(values.set_axis(rows), told.set_axis(rows), label=label, note=note)


def dice_along_slices(profile: pd.DataFrame, model: str, ends: tuple[str, str], note: str) -> Figure:
    """A model's Dice in every part of the slices in colour, and in print beside the readers' mean."""
    levels, places = list(dict.fromkeys(profile.level)), sorted({*profile.position})
    first, last = ends
    names = [f"{place:.0%}" for place in places]
    names[0], names[-1] = f"{names[0]}, {first}", f"{names[-1]}, {last}"

    def by_place(rows: pd.DataFrame) -> pd.DataFrame:
        means = rows.groupby(["level", "position"], sort=False).dice.mean().unstack()
        return means.reindex(index=levels, columns=places).set_axis(names, axis=1)

    ours, theirs = (by_place(profile[who]) for who in (profile.rater == model, profile.rater != model))
    told = ours.map(number) + " (" + theirs.map(number) + ")"
    label = f"Dice of {model} (mean of the readers) along the slices, exams pooled; blank: nothing marked"
    return matrix(ours, told, label=label, note=note)


def volume_differences(volumes: pd.DataFrame, rater: str, reference: str, note: str) -> Figure:
    """Bias and limits of agreement in print, ml; the colour is their share of a level's mean volume."""
    both = {
        level: of.pivot(index="exam", columns="rater", values="ml")[[rater, reference]]
        for level, of in volumes.groupby("level", sort=False)
    }
    found = {level: bland_altman(*exams.to_numpy().T.tolist()) for level, exams in both.items()}
    means = pd.Series({level: exams.dropna().mean(axis=None) for level, exams in both.items()})
    estimates = pd.DataFrame(
        {
            "lower limit": {level: one.lower.estimate for level, one in found.items()},
            "bias": {level: one.bias.estimate for level, one in found.items()},
            "upper limit": {level: one.upper.estimate for level, one in found.items()},
        }
    )
    shares = estimates.div(means.where(means > 0), axis=0)
    told = estimates.apply(
        lambda row: row.map(lambda one: signed(one, _decimals(means[row.name]), typeset=True)), axis=1
    )
    rows = [_with_ml(level, mean) for level, mean in means.items()]
    label = f"{rater} minus {reference} (ml); colour: share of the mean volume, which is beside the row"
    return matrix(
        shares.clip(-1, 1).set_axis(rows), told.set_axis(rows),
        label=label, limits=(-1, 1), colors="RdBu", note=note,
    )  # fmt: skip


def _with_ml(level: str, volume: float) -> str:
    return f"{level} ({number(volume, _decimals(volume))} ml)"


def _decimals(volume: float) -> int:
    """Three figures of a volume."""
    return int(np.clip(2 - np.floor(np.log10(volume)), 0, 4)) if volume > 0 else 2


def clear_pairs(rows: pd.DataFrame, note: str) -> Figure:
    """On how many of the levels that are tested each model is clearly better than each other (Holm)."""
    models = list(dict.fromkeys([*rows.model, *rows.other]))
    clear = rows[rows.p_holm <= 1 - rows.confidence + 1e-12]
    ahead = clear.model.where(clear.difference > 0, clear.other)
    behind = clear.other.where(clear.difference > 0, clear.model)
    counts = pd.crosstab(ahead, behind).reindex(index=models, columns=models, fill_value=0).astype(float)
    values = counts.mask(np.eye(len(models), dtype=bool))
    told = counts.map(lambda count: f"{count:.0f}")
    # A group repeats its levels and has no p.
    n = rows[rows.p_holm.notna()].level.nunique()
    label = f"Of {plural(n, 'difference')}: how many are clearly in the row's favour (Holm)"
    return matrix(values, told, label=label, limits=(0, max(n, 1)), note=note)
