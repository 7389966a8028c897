"""The figures of a study, from its tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
from matplotlib.figure import Figure

from evaluation.comparison.ways import by_yardstick
from evaluation.consensus.audited import STUDY
from evaluation.figures.audit import audit_sheet
from evaluation.figures.bland_altman import bland_altman_panels
from evaluation.figures.display import safe_colors
from evaluation.figures.failures import dice_against_volume, slice_profile_panels
from evaluation.figures.foci import foci_by_volume
from evaluation.figures.many import models_beside_readers
from evaluation.figures.measures import measure_panels, measures_of_levels
from evaluation.figures.reliability import reliability_panels
from evaluation.figures.scores import dice_boxplot, measures_boxplot, raters_boxplot
from evaluation.figures.study import (
    agreement_heatmap,
    fair_against_usual,
    forest_plot,
    paired_models,
)
from evaluation.figures.tolerance import nsd_over_tolerance
from evaluation.scores.calibration import UNION, VOTES
from evaluation.scores.fair import bias
from evaluation.statistics.words import labels_for_levels
from evaluation.study import lineage
from evaluation.study import measure_tables as m
from evaluation.study import tables as t
from evaluation.study.calibrated import RELIABILITY
from evaluation.study.design import Design
from evaluation.study.exam import YARDSTICK
from evaluation.study.pictures import AuditPicture
from evaluation.study.results import Results
from evaluation.study.titles import in_sentence, titled_design, told_apart

#: Of more models, or levels, so many have figures of their own.
MOST_OWN = 10
#: In place of a figure of measures a level, where levels are many.
MEASURES_OVERVIEW = "measures_overview"


def with_own_figures(found: Results) -> tuple[list[str], list[str]]:
    """The models and the levels that have figures of their own, in the order of the study.

    Of many models those of the highest mean Dice, of many levels the first that verdicts speak of.
    """
    models, levels = list(found.models), list(found.design.by_name)
    if len(models) > MOST_OWN:
        scores = found[t.FAIR_DICE] if t.FAIR_DICE in found else found[t.DICE]
        asked = scores[scores.level.isin(found.design.spoken_of) & scores.rater.isin(models)]
        # An undefined Dice is none: who marks nothing is not ahead for that.
        means = asked.groupby(["rater", "level"], sort=False).dice.mean().groupby("rater", sort=False).mean()
        highest = means.reindex(models).sort_values(ascending=False, kind="stable").index[:MOST_OWN]
        models = [model for model in models if model in set(highest)]
    if len(levels) > MOST_OWN:
        levels = [level for level in levels if level in set(found.design.spoken_of[:MOST_OWN])]
    return models, levels


def figures_told(found: Results) -> list[str]:
    """What has no figure of its own, a sentence each; none where all have."""
    found = found.titled
    (models, levels), every = with_own_figures(found), found.design.by_name
    told = []
    if len(models) < len(found.models):
        told.append(
            f"figures of one model each: {len(models)} of {len(found.models)} models, those of the highest "
            f"mean Dice ({', '.join(models)}); all stand in the tables and in the figures of all models"
        )
    if len(levels) < len(every) and len(found.design.measured) > 1:
        told.append(
            f"figures of NSD over the tolerance, and of measures in every exam: {len(levels)} of "
            f"{len(every)} levels, the first ones ({', '.join(levels)}); all stand in the tables, and with "
            f"their medians in the figure {MEASURES_OVERVIEW}"
        )
    if len(found.readers) > MOST_OWN and m.FOCI in found:
        told.append(
            f"figure of foci: the first {MOST_OWN} of {len(found.readers)} readers; all stand in the tables"
        )
    return found.own_words(told)


def draw(found: Results) -> Iterator[tuple[str, Figure]]:
    """Draw what the tables say: file name (without ending) and figure."""
    # Files go by names.
    names, found = found, found.titled
    of_models = list(zip(names.models, found.models, strict=True))
    design, models, judged = found.design, list(found.models), lineage.judged(found)
    own, own_levels = with_own_figures(found)
    colors, note = dict(design.colors), design.mark
    scores = found[t.DICE]
    for name, model in of_models:
        if model not in own:
            continue
        yield (
            f"dice_{name}",
            dice_boxplot(scores, rater=model, colors=colors, reference=found.reference, note=note),
        )
    yield "dice_raters", raters_boxplot(scores, models=models, note=note)
    usual = found[t.DICE_BY_KNEE if design.unit == "knee" else t.DICE]
    if t.FAIR_DICE in found:
        biases = bias(usual, found[t.FAIR_DICE])
        yield "fair_against_usual", fair_against_usual(biases, models=models, note=note)
        yield "agreement", agreement_heatmap(found[t.AGREEMENT_DICE], note=note)
    if t.METHODS_COMPARED in found:
        against = usual
        if t.DICE_BY_YARDSTICK in found:
            against = by_yardstick(found[t.DICE_BY_YARDSTICK], design.yardstick)
        yield t.METHODS_COMPARED.name, paired_models(against, found[t.METHODS_COMPARED], note=note)
    if t.COMPARISONS in found:
        rows = found[t.COMPARISONS]
        fair_rows = rows[rows.way == "fair"]
        if len(own) < len(models):
            yield t.COMPARISONS.name, models_beside_readers(fair_rows, note=note)
    for name, model in of_models:
        if model not in own:
            continue
        if t.COMPARISONS in found and model in judged:
            yield f"comparisons_{name}", forest_plot(fair_rows, model=model, note=note)
        yield (
            f"volume_{name}",
            dice_against_volume(
                found[t.ERRORS], rater=model, colors=colors, correlations=found[t.DICE_AGAINST_VOLUME],
                splits=found[t.DICE_SPARSE_AMPLE], note=note,
            ),
        )  # fmt: skip
        # Where nobody marked anything there are no slices to draw.
        if len(profile := found[t.SLICE_PROFILE]):
            panels = slice_profile_panels(profile, model=model, plane=design.plane, note=note)
            yield f"slices_{name}", panels
        volumes = found[t.VOLUMES]
        yield (
            f"bland_altman_{name}",
            bland_altman_panels(volumes, rater=model, reference=YARDSTICK, colors=colors, note=note),
        )

    if m.NSD_CURVE in found and len(found[m.NSD_CURVE]):
        tolerances = found[m.TOLERANCE].dropna(subset="tolerance")
        yield (
            m.NSD_CURVE.name,
            nsd_over_tolerance(
                _of_these(found[m.NSD_CURVE], [*found.readers, *own], own_levels), models=own,
                spacing=tuple(found[m.TOLERANCE][["smallest_step", "largest_step"]].iloc[0]),
                tolerances=dict(zip(tolerances.level, tolerances.tolerance, strict=True)), note=note,
            ),
        )  # fmt: skip
    if RELIABILITY in found:
        table = found[RELIABILITY]
        known = [model for model in own if model in set(table.model)]
        yield (
            RELIABILITY.name,
            reliability_panels(
                table[(table.against == VOTES) & (table.region == UNION)],
                levels=[level for level in design.levels if level in own_levels], models=known, note=note,
            ),
        )  # fmt: skip
    if m.FOCI in found and len(foci := _of_these(found[m.FOCI], [*found.readers[:MOST_OWN], *own])):
        yield (
            m.FOCI.name,
            foci_by_volume(
                foci, level=design.spoken_of[-1], models=own, reference="the yardstick", note=note
            ),
        )
    if m.MEASURES_TABLE1 in found:
        summary = found[m.MEASURES_TABLE1]
        beside = [one for one in design.measured if one.name != "dice"]
        scored = _of_these(found[m.SCORES], [*found.readers, *own], own_levels)
        yield "measures_raters", measures_boxplot(scored, measures=beside, models=own, note=note)
        if len(own_levels) < len(design.by_name):
            yield (
                MEASURES_OVERVIEW,
                measures_of_levels(
                    _of_these(summary, [*found.readers, *own]), measures=design.measured,
                    levels=list(design.by_name), models=own, note=note,
                ),
            )  # fmt: skip
            return
        for name, level in zip(names.design.by_name, design.by_name, strict=True):
            shown = [one for one in design.measured if one.of_groups or level in design.levels]
            yield (
                f"measures_{name}",
                measure_panels(summary, measures=shown, level=level, models=models, note=note),
            )


def _of_these(
    table: pd.DataFrame, raters: Sequence[str], levels: Sequence[str] | None = None
) -> pd.DataFrame:
    """The rows of some raters, and levels."""
    return table[table.rater.isin(raters) & (True if levels is None else table.level.isin(levels))]


def audit_figure(design: Design, exam: str, picture: AuditPicture) -> Figure:
    """Draw the worst that an audit found in an exam."""
    readers = [name for name in picture.masks if name != "consensus"]
    titles = told_apart(design.titles, [*design.by_name, *readers])
    design = titled_design(design, titles)
    of_study = picture.consensus == STUDY
    rule = design.rule_in_words if of_study else design.yardstick_in_words
    heading = "Consensus" if of_study else "Yardstick"
    masks = {
        heading if name == "consensus" else titles.get(name, name): mask
        for name, mask in picture.masks.items()
    }
    names = {value: name for name, value in design.levels.items()}
    words = in_sentence(picture.finding.words, titles)
    words = words if design.ordered else labels_for_levels(words, design.by_name)
    spare = dict(zip(names.values(), safe_colors(len(names)), strict=True))
    return audit_sheet(
        masks,
        picture.where,
        colors={value: design.colors.get(name, spare[name]) for value, name in names.items()},
        names=names,
        title=f"{exam}, slice {picture.slice}: {words}\n{heading}: {rule}",
        aspect=picture.aspect,
        note=design.mark,
    )
