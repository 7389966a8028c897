"""The later sections: where it fails, how the readers agree, whether the rule matters, what all rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bmseg.report import tables
from bmseg.report.part import Fold, Part, Picture, Shown
from bmseg.report.parts import MOST_MODELS, Asked, exams, fair, foci, pairs, repeated
from evaluation.study import Declared, failing
from evaluation.study import tables as t
from evaluation.study.calibrated import CALIBRATION
from evaluation.table import Table


def sections(asked: Asked) -> Iterator[Part]:
    """All sections that have something to show, but the last."""
    made = (exams, fair, pairs, foci, failures, agreement, rules)
    yield from (part for make in made if not (part := make(asked)).is_empty)


def failures(asked: Asked) -> Part:
    """Where raters fail, and at what."""
    found = asked.found
    shown, folds = [], []
    if t.ERRORS_SUMMARY in found:
        shown.append(_of(asked, t.ERRORS_SUMMARY, failing.errors_table))
    volumes = [
        asked.figure("volume", f"Dice of {model} against the volume of the reference, ml.", model)
        for model in found.models
    ]
    along = [
        asked.figure("slices", f"Dice and false volume of {model} along the slices, readers grey.", model)
        for model in found.models
    ]
    folds.append(Fold("Against the volume: the other models", (), volumes[MOST_MODELS:]))
    folds.append(Fold("Along the slices", (), along))
    by = {
        t.SLICES_PERIPHERAL_CENTRAL: failing.outer_slices_table,
        t.DICE_SPARSE_AMPLE: failing.volume_table,
        t.DICE_BY_CATEGORY: failing.categories_table,
        t.DICE_AGAINST_AGE: failing.age_table,
    }
    of = [_of(asked, table, make) for table, make in by.items() if table in found and len(found[table])]
    folds.append(Fold("By place, volume, site, group and age", of))
    differences = [
        asked.figure(
            "bland_altman", f"Volumes of {model} against the yardstick: difference over mean, ml.", model
        )
        for model in found.models
    ]
    icc = [asked.table(t.VOLUMES_ICC)] if t.VOLUMES_ICC in found and len(found[t.VOLUMES_ICC]) else []
    folds.append(Fold("Volumes (Bland-Altman)", icc, differences))
    return Part(
        "failures",
        "Where it fails",
        "How much was marked too much and too little, against how much there is, and where in the exam.",
        (),
        shown,
        volumes[:MOST_MODELS],
        folds,
    )


def agreement(asked: Asked) -> Part:
    """How the readers agree with each other, and with themselves."""
    found = asked.found
    folds = [fold for fold in [repeated(asked)] if fold]
    if CALIBRATION in found:
        about = "Share of readers over the model's probability, of marked voxels."
        told = found.words(CALIBRATION)
        folds.append(
            Fold("Do probabilities mean what readers do?", [asked.table(CALIBRATION)],
                 [asked.figure("reliability", about)], told)
        )  # fmt: skip
    if t.AGREEMENT_CHANCE not in found:
        title = "The same reader twice, and probabilities"
        return Part("agreement", title, "", folds=folds) if folds else Part("agreement", "", "")
    folds = [
        Fold(
            "Pairs of readers beyond chance, and STAPLE's estimates",
            [asked.table(t.AGREEMENT_KAPPA), asked.table(t.READER_RATES)],
        ),
        *folds,
    ]
    return Part(
        "agreement",
        "How the readers agree",
        "Alpha and kappa on the voxels that a reader marked leave out what all agree to be nothing, so "
        "chance is not 0 there; on the whole volume they rise with the share of background. Neither alone "
        "is right.",
        (),
        [asked.table(t.AGREEMENT_CHANCE)],
        [asked.figure("agreement", "Dice of every pair of raters, mean over exams.")],
        folds,
    )


def rules(asked: Asked) -> Part:
    """Whether another rule, or other readers, would say otherwise; and what the consensuses do."""
    found = asked.found
    if not found.has_consensus:
        return Part("rule", "", "")
    grid = tables.rule_grid(found)
    said, folds = [], []
    if t.CONSENSUS_AUDIT in found:
        said = [each for each in found.words(t.CONSENSUS_AUDIT) if each not in found.design.notes]
        folds.append(
            Fold("What the consensuses do that readers would not expect", [asked.table(t.CONSENSUS_AUDIT)])
        )
    if t.SENSITIVITY in found:
        folds.append(Fold("Table 1 by every rule", [asked.table(t.SENSITIVITY)]))
    overruled = [each for each in said if "unanimous" in each or "nothing found" in each]
    folds[:0] = [Fold("The audit in words", (), (), [each for each in said if each not in overruled])]
    pictures = _audited(asked)
    folds.append(Fold("More exams that the audit points to", (), pictures[1:]))
    return Part(
        "rule",
        "Does the rule matter?",
        f"The yardstick is one rule ({found.design.yardstick_in_words}) on these readers. Every consensus is "
        "looked through: the study's own, the yardstick, those without a reader each.",
        overruled,
        [grid] if grid else [],
        pictures[:1],
        folds,
    )


def _of(asked: Asked, table: Declared, make: Callable[..., Table]) -> Shown:
    """A table of where raters fail, of the models alone where there are some."""
    anchor = f"table-{table.name.replace('_', '-')}"
    return Shown.of(make(asked.found, list(asked.found.models)), anchor, f"{table.name}.csv")


def _audited(asked: Asked) -> list[Picture]:
    """The exams that an audit points to, those with most voxels first."""
    found, caption = (
        asked.found,
        "{}: the readers' votes and the consensus, on the slice with most of what was found.",
    )
    paths = sorted((asked.evaluation.folder / "figures").glob("audit_*.png"))
    exams = {path.stem.removeprefix("audit_"): path for path in paths}
    voxels = found[t.CONSENSUS_AUDIT].query("kind == 'overruled'").groupby("exam").voxels.max()
    order = sorted(exams, key=lambda exam: -voxels.get(exam, 0))
    return [Picture(exams[exam], caption.format(exam), wide=True) for exam in order]


def usual(asked: Asked, printed: Table | None, beside: Table | None) -> Part:
    """Table 1 as the paper has it."""
    found = asked.found
    title = "Table 1" if found.has_consensus else f"Dice against {found.reference}"
    shown = [asked.table(t.TABLE1)]
    folds = []
    if printed is not None and beside is not None:
        folds.append(
            Fold("As published, and beside it", [Shown.of(printed, "published"), Shown.of(beside, "beside")])
        )
    room = [Shown.of(table, f"table2-{place}") for place, table in enumerate(asked.tables2, start=1)]
    folds.append(Fold("Table 2: masks scored in the reading room", room))
    boxes = [asked.figure("dice", f"Dice of {model}; a point an exam.", model) for model in found.models]
    raters = asked.figure("dice_raters", "Readers beside models; a point an exam.")
    folds.append(Fold("Boxplots", (), [raters, *boxes]))
    text = (
        f"Against {found.reference}, as studies print it. Each reader is part of the consensus that scores "
        "it, which flatters readers."
        if found.has_consensus
        else f"One reader makes no consensus: Dice is agreement with {found.reference}."
    )
    return Part(
        "table1", f"{title} as in the paper" if found.has_consensus else title, text, (), shown, (), folds
    )
