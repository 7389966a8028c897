"""A section of the report's page, in the words of its study."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup

from evaluation.study import ReaderStudy


@dataclass(frozen=True)
class Part:
    """One section of the page."""

    title: str
    #: What the reader should know before looking.
    text: str
    #: Figure, one column wide, and its caption.
    figures: list[tuple[Path, str]]
    tables: list[Markup]
    #: Behind a click.
    sentences: list[str]
    #: Sentences that everybody should see.
    headlines: list[str] = field(default_factory=list)
    #: Of which one is open at a time: a name, its tables, its figure and the caption.
    choices: list[tuple[str, list[Markup], Path, str]] = field(default_factory=list)


def in_words(found: ReaderStudy, part: Part) -> Part:
    """In the study's words; names and figures as they are."""
    said = found.titled.own_words
    return Part(
        said(part.title),
        said(part.text),
        [(path, said(caption)) for path, caption in part.figures],
        said(part.tables),
        said(part.sentences),
        said(part.headlines),
        [(name, said(tables), path, said(caption)) for name, tables, path, caption in part.choices],
    )
