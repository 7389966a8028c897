"""The engine of an evaluation: exams scored, tables computed once, everything else made from them."""

from evaluation.study.design import Design, Unit
from evaluation.study.exam import CONSENSUS, ScoredExam, reader_consensuses, score_exam, score_votes
from evaluation.study.reader_study import ReaderStudy
from evaluation.study.results import Declared, Results

__all__ = [
    "CONSENSUS",
    "Declared",
    "Design",
    "ReaderStudy",
    "Results",
    "ScoredExam",
    "Unit",
    "reader_consensuses",
    "score_exam",
    "score_votes",
]
