"""Tables on how alike two raters are, and all readers, voxel by voxel."""

from __future__ import annotations

from evaluation.scores import kappa
from evaluation.statistics.icc import ICC_COLUMNS
from evaluation.statistics.words import count_of, number, plural, to_decimals, with_interval
from evaluation.study.results import Declared, Results
from evaluation.table import Table

_VOXELS = {"union": "voxels that a reader marked", "volume": "whole volume"}


def _chance(found: Results) -> Table:
    scale = "ordinal" if found.design.ordered else "nominal"
    measures = {"alpha": f"Krippendorff's alpha ({scale})", "kappa": "Fleiss' kappa"}
    rows = [
        [
            f"{measures[row.measure]}, {_VOXELS[row.voxels]}", with_interval(row.mean, row.low, row.high),
            number(row.pooled), count_of(row.n_defined, row.n),
        ]
        for row in found[AGREEMENT_CHANCE].itertuples()
    ]  # fmt: skip
    told = [
        "Mean over exams with its t interval; together: all exams' voxels as one. The voxels that a reader "
        "marked leave out what all agree to be nothing, so chance is not 0 there; on the whole volume both "
        "rise with the share of background. Neither alone is right."
    ]
    columns = ["Measure, voxels", "Mean (95 % interval)", "Together", "Exams"]
    title = f"The readers' agreement beyond chance, {plural(len(found.exams), 'exam')}"
    return Table(title, columns, rows, [*told, *found.design.notes], found[AGREEMENT_CHANCE])


def _rates(found: Results) -> Table:
    rates = found[READER_RATES]
    kinds, rows = list(dict.fromkeys(rates.measure)), []
    for (level, rater), own in rates.groupby(["level", "rater"], sort=False):
        each = {row.measure: row for row in own.itertuples()}
        cells = [to_decimals(row.mean, row.low, row.high, 3) for row in each.values()]
        rows.append([f"{level}, {rater}", *cells, count_of(int(own.n_defined.max()), int(own.n.max()))])
    told = [
        "Estimates of STAPLE's model, made together with the consensus: nobody counted them against a truth. "
        "Mean over the exams in which a reader drew the level, with its t interval."
    ]
    columns = ["Level, reader", *(f"{kind.capitalize()} (95 % interval)" for kind in kinds), "Exams"]
    title = f"The readers as STAPLE estimates them, {plural(len(found.exams), 'exam')}"
    return Table(title, columns, rows, [*told, *found.design.notes], rates)


def _icc(found: Results) -> Table:
    table = found[VOLUMES_ICC]
    rows = [
        [f"{row.level}, {row.type}", with_interval(row.icc, row.low, row.high), str(row.k), str(row.n)]
        for row in table.itertuples()
    ]
    told = [
        "ICC(2,1): agreement of readers who are a sample of readers; ICC(3,1): consistency of these readers, "
        "whatever one has more than another throughout; both of a single reader's volume. ICC(2,k): of the "
        "mean of all readers'."
    ]
    columns = ["Level, kind", "Intraclass correlation (95 % interval)", "Readers", "Exams"]
    title = f"The readers' volumes, {plural(len(found.exams), 'exam')}"
    return Table(title, columns, rows, [*told, *found.design.notes], table)


def _kappa(found: Results) -> Table:
    title = f"Agreement of two raters, {plural(len(found.exams), 'exam')}"
    return kappa.kappa_table(found[AGREEMENT_KAPPA], title=title, notes=found.design.notes)


AGREEMENT_DICE = Declared("agreement_dice", "Dice of every pair of raters", ["level", "rater", "other"])
AGREEMENT_CHANCE = Declared(
    "agreement_chance",
    "Krippendorff's alpha (ordinal, or nominal where labels have no order) and Fleiss' kappa of the readers",
    ["voxels", "measure"],
    _chance,
)  # fmt: skip
AGREEMENT_KAPPA = Declared(
    "agreement_kappa",
    "Cohen's kappa of every reader with every rater, weighted where values are ordered",
    kappa.COLUMNS,
    _kappa,
)
READER_RATES = Declared(
    "reader_rates", "readers' rates, STAPLE's estimates", ["level", "rater", "measure"], _rates
)
VOLUMES_ICC = Declared(
    "volumes_icc", "intraclass correlation of the readers' volumes", ["level", *ICC_COLUMNS], _icc
)
