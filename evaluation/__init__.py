"""Scores of raters who drew masks of the same exams: how good is a model next to the readers?

``import evaluation as ev``; docs/tutorials/python.md is the walk. A mask is an array or nested list, the
path of a NIfTI file, or an image of nibabel or SimpleITK.

- `dice`, `measure`, `staple`: two masks compared, by Dice or any measure; a consensus of several.
- `read_study`: a `ReaderStudy` by a `Design`: Table 1 as usual and fair, comparisons, agreement.
- `figures`: what a study and a ranking look like.
- `rank_scores`: who is ahead of whom, and how sure that is.
- `mean_interval`, `median_interval`, `signed_rank`, `icc`, `krippendorff_alpha`: statistics by themselves.
- `Table`, `ConsensusMap`, `EmptyMask`: what comes back. `MaskError`, `StatisticsError`: what was wrong.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluation import figures
    from evaluation.consensus.painted import ConsensusMap
    from evaluation.masks.reading import MaskError
    from evaluation.measures.dice import EmptyMask
    from evaluation.ranking import rank_scores
    from evaluation.statistics.chance_corrected import krippendorff_alpha
    from evaluation.statistics.icc import icc
    from evaluation.statistics.intervals import StatisticsError, mean_interval, median_interval
    from evaluation.statistics.signed_rank import signed_rank
    from evaluation.study.design import Design
    from evaluation.study.from_masks import dice, measure, read_study, staple
    from evaluation.study.reader_study import ReaderStudy
    from evaluation.table import Table

__all__ = [
    "ConsensusMap", "Design", "EmptyMask", "MaskError", "ReaderStudy", "StatisticsError", "Table", "dice",
    "figures", "icc", "krippendorff_alpha", "mean_interval", "measure",
    "median_interval", "rank_scores", "read_study",
    "signed_rank", "staple",
]  # fmt: skip

#: Where each stands: imported when it is asked for (PEP 562), so that one name does not bring all of them.
_ROOMS = {
    "ConsensusMap": "consensus.painted", "Design": "study.design", "EmptyMask": "measures.dice",
    "MaskError": "masks.reading", "ReaderStudy": "study.reader_study",
    "StatisticsError": "statistics.intervals", "Table": "table", "dice": "study.from_masks",
    "icc": "statistics.icc", "krippendorff_alpha": "statistics.chance_corrected",
    "mean_interval": "statistics.intervals", "measure": "study.from_masks",
    "median_interval": "statistics.intervals",
    "rank_scores": "ranking", "read_study": "study.from_masks", "signed_rank": "statistics.signed_rank",
    "staple": "study.from_masks",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "figures":
        return import_module("evaluation.figures")
    if name not in _ROOMS:
        raise AttributeError(f"module 'evaluation' has no attribute '{name}'; it has {', '.join(__all__)}")
    return getattr(import_module(f"evaluation.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return __all__
