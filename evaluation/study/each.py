"""A part of every exam, without all exams in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol


class Named(Protocol):
    """An exam, such as `evaluation.study.exam.ScoredExam`."""

    @property
    def name(self) -> str:
        """Its case identifier."""


class OfEach(Mapping[str, Any]):
    """Exam to what is made of it, when it is looked at: of many exams in files one is in memory."""

    def __init__(self, exams: Sequence[Named], made: Callable[[Any], Any]) -> None:
        self._exams, self._made = {exam.name: exam for exam in exams}, made

    def __getitem__(self, exam: str) -> Any:
        return self._made(self._exams[exam])

    def __iter__(self) -> Iterator[str]:
        return iter(self._exams)

    def __len__(self) -> int:
        return len(self._exams)
