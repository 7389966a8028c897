"""The engine of an evaluation: exams scored, tables computed once, everything else made from them."""

from evaluation.study.design import Design, Unit
from evaluation.study.exam import CONSENSUS, Consensuses, ScoredExam, score_exam, score_votes
from evaluation.study.reader_study import ReaderStudy
from evaluation.study.results import Declared, Results

__all__ = [
    "CONSENSUS",
    "Consensuses",
    "Declared",
    "Design",
    "ReaderStudy",
    "Results",
    "ScoredExam",
    "Unit",
    "score_exam",
    "score_votes",
]
