"""What a report is made of: tables, pictures and sentences in sections, in the words of its study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation.study import ReaderStudy
from evaluation.table import Table


@dataclass(frozen=True)
class Cell:
    """A cell of a table on the page."""

    text: str
    #: Address, where it leads somewhere.
    link: str = ""
    #: Of the style: ahead, behind, even.
    kind: str = ""
    #: Of a level.
    color: str = ""
    #: Rows that it spans; 0 where one above spans it.
    rows: int = 1


@dataclass(frozen=True)
class Shown:
    """A table on the page; the first cell of a row is its name."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str]
    #: By which it is linked to.
    anchor: str
    #: File of its numbers beside the page; empty where there is none.
    file: str = ""

    @classmethod
    def of(cls, table: Table, anchor: str, file: str = "", *, title: str = "", notes: bool = True) -> Shown:
        """A printed table of an evaluation."""
        rows = [[Cell(text) for text in row] for row in table.rows]
        told = list(table.notes) if notes else []
        return cls(title or table.title, table.columns, rows, told, anchor, file)


@dataclass(frozen=True)
class Picture:
    """A figure on the page; `path` is the file that is shown and linked to."""

    path: Path
    caption: str
    #: As wide as the page.
    wide: bool = False
    #: For who does not see it; the caption where nothing else is said.
    alt: str = ""

    @property
    def anchor(self) -> str:
        """By which it is linked to."""
        return f"figure-{self.path.stem.replace('+', '-')}"


@dataclass(frozen=True)
class Fold:
    """What is behind a click, and not on paper."""

    title: str
    tables: Sequence[Shown] = ()
    pictures: Sequence[Picture] = ()
    sentences: Sequence[str] = ()


@dataclass(frozen=True)
class Part:
    """One section of the page."""

    anchor: str
    title: str
    #: What the reader should know before looking.
    text: str
    #: Sentences that everybody should see.
    headlines: Sequence[str] = ()
    tables: Sequence[Shown] = ()
    pictures: Sequence[Picture] = ()
    folds: Sequence[Fold] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.headlines or self.tables or self.pictures or self.folds)


def shown_in_words(found: ReaderStudy, shown: Shown) -> Shown:
    """A table in the study's words."""
    said = found.own_words
    columns, notes = said(list(shown.columns)), said(list(shown.notes))
    return replace(shown, title=said(shown.title), columns=columns, notes=notes)


def in_words(found: ReaderStudy, part: Part) -> Part:
    """In the study's words; names and files as they are."""
    said = found.own_words

    def pictures(given: Sequence[Picture]) -> list[Picture]:
        return [replace(each, caption=said(each.caption)) for each in given if each.path.is_file()]

    def tables(given: Sequence[Shown]) -> list[Shown]:
        return [shown_in_words(found, each) for each in given]

    folds = [
        Fold(said(each.title), tables(each.tables), pictures(each.pictures), said(list(each.sentences)))
        for each in part.folds
    ]
    return replace(
        part,
        title=said(part.title),
        text=said(part.text),
        headlines=said(list(part.headlines)),
        tables=tables(part.tables),
        pictures=pictures(part.pictures),
        folds=[each for each in folds if each.tables or each.pictures or each.sentences],
    )
