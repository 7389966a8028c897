"""The figures of the reader study."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
from matplotlib.figure import Figure

from bmseg.scoring.exam import CONSENSUS
from bmseg.scoring.reader_study import METHODS
from bmseg.study import Study
from evaluation.figures.failures import dice_against_volume, slice_profile_panels
from evaluation.figures.study import (
    agreement_heatmap,
    bland_altman_panels,
    fair_against_usual,
    forest_plot,
    paired_models,
)
from evaluation.scores.fair import bias


def reader_study_figures(
    study: Study,
    tables: dict[str, pd.DataFrame],
    usual: pd.DataFrame,
    models: Sequence[str],
    note: str,
) -> Iterator[tuple[str, Figure]]:
    """Draw what the tables of `bmseg.scoring.reader_study` say.

    Parameters
    ----------
    study : Study
    tables : dict of str to DataFrame
    usual : DataFrame
        Dice against the consensus of all readers (the one reader), by the unit of the fair scores.
    models : sequence of str
    note : str
        Printed below every figure.

    Yields
    ------
    tuple of str and Figure
        File name (without ending) and figure.
    """
    colors = {level.name: level.color for level in study.levels}
    if "fair_dice" in tables:
        yield (
            "fair_against_usual",
            fair_against_usual(bias(usual, tables["fair_dice"]), models=models, note=note),
        )
        yield "agreement", agreement_heatmap(tables["agreement_dice"], note=note)
    if METHODS in tables:
        yield METHODS, paired_models(usual, tables[METHODS], note=note)
    for model in models:
        if "comparisons" in tables:
            fair = tables["comparisons"][tables["comparisons"].way == "fair"]
            yield f"comparisons_{model}", forest_plot(fair, model=model, note=note)
        yield f"volume_{model}", dice_against_volume(tables["errors"], rater=model, colors=colors, note=note)
        # Where nobody marked anything there are no slices to draw.
        if len(tables["slice_profile"]):
            profile = slice_profile_panels(tables["slice_profile"], model=model, plane=study.plane, note=note)
            yield f"slices_{model}", profile
        yield (
            f"bland_altman_{model}",
            bland_altman_panels(
                tables["volumes"], rater=model, reference=CONSENSUS, colors=colors, note=note
            ),
        )
