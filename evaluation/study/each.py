"""A part of every exam, without all exams in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol


class Named(Protocol):
    """An exam, such as `evaluation.study.exam.ScoredExam`."""

    @property
    def name(self) -> str:
        """Its case identifier."""


class OfEach(Mapping[str, Any]):
    """Exam to a part of it, asked for when it is looked at: of many exams in files one is in memory."""

    def __init__(self, exams: Sequence[Named], name: str) -> None:
        self._exams, self._name = {exam.name: exam for exam in exams}, name

    def __getitem__(self, exam: str) -> Any:
        return getattr(self._exams[exam], self._name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._exams)

    def __len__(self) -> int:
        return len(self._exams)
