"""The figures of a study, from its tables."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from evaluation.comparison.ways import by_yardstick
from evaluation.consensus.audited import STUDY
from evaluation.figures.audit import audit_sheet
from evaluation.figures.bland_altman import bland_altman_panels
from evaluation.figures.display import safe_colors
from evaluation.figures.failures import dice_against_volume, slice_profile_panels
from evaluation.figures.foci import foci_by_volume
from evaluation.figures.measures import measure_panels
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


def draw(found: Results) -> Iterator[tuple[str, Figure]]:
    """Draw what the tables say: file name (without ending) and figure."""
    # Files go by names.
    names, found = found, found.titled
    of_models = list(zip(names.models, found.models, strict=True))
    design, models, judged = found.design, list(found.models), lineage.judged(found)
    colors, note = dict(design.colors), design.mark
    scores = found[t.DICE]
    for name, model in of_models:
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
    for name, model in of_models:
        if t.COMPARISONS in found and model in judged:
            rows = found[t.COMPARISONS]
            yield f"comparisons_{name}", forest_plot(rows[rows.way == "fair"], model=model, note=note)
        yield f"volume_{name}", dice_against_volume(found[t.ERRORS], rater=model, colors=colors, note=note)
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
                found[m.NSD_CURVE], models=models,
                spacing=tuple(found[m.TOLERANCE][["smallest_step", "largest_step"]].iloc[0]),
                tolerances=dict(zip(tolerances.level, tolerances.tolerance, strict=True)), note=note,
            ),
        )  # fmt: skip
    if RELIABILITY in found:
        table = found[RELIABILITY]
        known = [model for model in models if model in set(table.model)]
        yield (
            RELIABILITY.name,
            reliability_panels(
                table[(table.against == VOTES) & (table.region == UNION)],
                levels=list(design.levels), models=known, note=note,
            ),
        )  # fmt: skip
    if m.FOCI in found and len(found[m.FOCI]):
        yield (
            m.FOCI.name,
            foci_by_volume(
                found[m.FOCI], level=design.spoken_of[-1], models=models, reference="the yardstick", note=note
            ),
        )
    if m.MEASURES_TABLE1 in found:
        summary = found[m.MEASURES_TABLE1]
        beside = [one for one in design.measured if one.name != "dice"]
        yield "measures_raters", measures_boxplot(found[m.SCORES], measures=beside, models=models, note=note)
        for name, level in zip(names.design.by_name, design.by_name, strict=True):
            shown = [one for one in design.measured if one.of_groups or level in design.levels]
            yield (
                f"measures_{name}",
                measure_panels(summary, measures=shown, level=level, models=models, note=note),
            )


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
