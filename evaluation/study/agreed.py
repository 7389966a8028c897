"""Tables on how alike two raters are, and all readers, voxel by voxel."""

from __future__ import annotations

from evaluation.scores import kappa
from evaluation.study.results import Declared, Results
from evaluation.table import Table


def _kappa(found: Results) -> Table:
    title = f"Agreement of two raters, {len(found.exams)} exams"
    return kappa.kappa_table(found[AGREEMENT_KAPPA], title=title, notes=found.design.notes)


AGREEMENT_DICE = Declared("agreement_dice", "Dice of every pair of raters", ["level", "rater", "other"])
AGREEMENT_CHANCE = Declared(
    "agreement_chance",
    "Krippendorff's alpha (ordinal, or nominal where labels have no order) and Fleiss' kappa of the readers",
    ["voxels", "measure"],
)  # fmt: skip
AGREEMENT_KAPPA = Declared(
    "agreement_kappa",
    "Cohen's kappa of every reader with every rater; of levels weighted",
    kappa.COLUMNS,
    _kappa,
)
