"""Scores of raters who drew masks of the same exams: how good is a model next to the readers?

``import evaluation as ev``; docs/python.md is the walk. A mask is an array or nested list, the path of a
NIfTI file, or an image of nibabel or SimpleITK.

- `dice`, `staple`: two masks compared; a consensus of several.
- `read_study`: a `ReaderStudy` by a `Design`: Table 1 as usual and fair, comparisons, agreement.
- `figures`: what a study and a ranking look like.
- `rank_scores`: who is ahead of whom, and how sure that is.
- `mean_interval`, `median_interval`, `signed_rank`, `icc`, `krippendorff_alpha`: statistics by themselves.
- `Table`, `ConsensusMap`, `EmptyMask`: what comes back. `MaskError`, `StatisticsError`: what was wrong.
"""

from typing import TYPE_CHECKING

from evaluation.lazily import lazily

if TYPE_CHECKING:
    from evaluation import figures
    from evaluation.consensus.map import ConsensusMap
    from evaluation.masks.reading import MaskError
    from evaluation.measures.dice import EmptyMask
    from evaluation.ranking import rank_scores
    from evaluation.statistics.chance_corrected import krippendorff_alpha
    from evaluation.statistics.icc import icc
    from evaluation.statistics.intervals import StatisticsError, mean_interval, median_interval
    from evaluation.statistics.signed_rank import signed_rank
    from evaluation.study.design import Design
    from evaluation.study.from_masks import dice, read_study, staple
    from evaluation.study.reader_study import ReaderStudy
    from evaluation.table import Table

__all__ = [
    "ConsensusMap", "Design", "EmptyMask", "MaskError", "ReaderStudy", "StatisticsError", "Table", "dice",
    "figures", "icc", "krippendorff_alpha", "mean_interval", "median_interval", "rank_scores", "read_study",
    "signed_rank", "staple",
]  # fmt: skip

__getattr__, __dir__ = lazily(__name__, __file__)
