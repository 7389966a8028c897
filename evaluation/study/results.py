"""What a reader study found, as tables: everything that is printed, said or drawn follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from typing import Any, Self, TypeVar

import pandas as pd

from dataset_conversion.images import read_own
from evaluation.comparison.verdicts import Verdict
from evaluation.statistics.words import labels_for_levels, plural
from evaluation.study.design import Design
from evaluation.study.titles import TitledTables, renamed, titled_design, told_apart
from evaluation.table import Table

_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Results:
    """Tables of a study, by the name of a `Declared` table, and what they are about."""

    design: Design
    #: Readers, models and exams (case identifiers) that were scored.
    readers: Sequence[str]
    models: Sequence[str]
    exams: Sequence[str]
    tables: Mapping[str, pd.DataFrame]

    def __repr__(self) -> str:
        counts = (
            plural(len(names), noun)
            for names, noun in ((self.readers, "reader"), (self.models, "model"), (self.exams, "exam"))
        )
        return f"<{type(self).__name__}: {', '.join(counts)}>"

    def __contains__(self, table: Declared) -> bool:
        return table.name in self.tables

    def __getitem__(self, table: Declared) -> pd.DataFrame:
        return self.tables[table.name]

    @cached_property
    def titles(self) -> dict[str, str]:
        """Names of levels and raters to what they are shown as, where it is something else."""
        design = self.design
        others = [*design.all_readers, *design.repeats]
        names = dict.fromkeys([*design.by_name, *self.readers, *self.models, *others])
        return told_apart(design.titles, list(names))

    def shown(self, name: str) -> str:
        """What a level or rater is shown as: its title, or its name."""
        return self.titles.get(name, name)

    @cached_property
    def titled(self) -> Self:
        """The same with titles for names, which people read: what is printed, said and drawn is made of it.

        Files and identifiers go by names.
        """
        return self.with_titles(self.titles)

    def with_titles(self, titles: Mapping[str, str]) -> Self:
        """The same with some titles for names."""
        if not titles:
            return self
        found = replace(
            self, design=titled_design(self.design, titles), readers=renamed(self.readers, titles),
            models=renamed(self.models, titles), tables=TitledTables(self.tables, titles),
        )  # fmt: skip
        own, notes = self.own_notes(), list(self.design.notes)
        if not own or notes[: len(own)] != own:
            return found
        return replace(found, design=replace(found.design, notes=[*found.own_notes(), *notes[len(own) :]]))

    def own_notes(self) -> list[str]:
        """What is said below every table, of the tables themselves."""
        return []

    def by_name(self, made: _T) -> _T:
        """What was made of `titled`, for those who go on with it: verdicts and numbers go by names."""
        return _by_name(made, {title: name for name, title in self.titles.items()}) if self.titles else made

    def own_words(self, said: _T) -> _T:
        """A text, table or verdict, or a list of them, in the study's words: levels or labels."""
        if self.design.ordered:
            return said
        return _relabelled(said, [*self.design.by_name, *self.readers, *self.models, *self.exams])

    @property
    def has_consensus(self) -> bool:
        """Whether there are readers enough for one: a single reader makes none."""
        return len(self.readers) > 1

    @property
    def reference(self) -> str:
        """What raters are scored against, in words."""
        return "the consensus" if self.has_consensus else self.readers[0]


def worded(make: Callable[..., _T]) -> Callable[..., _T]:
    """What a function of a study (first) answers, in the study's words, names shown by their titles."""

    @wraps(make)
    def in_words(found: Results, *args: Any, **kwargs: Any) -> _T:
        titles, shown = found.titles, found.titled
        given = renamed(args, titles), renamed(kwargs, titles)
        return found.by_name(shown.own_words(make(shown, *given[0], **given[1])))

    return in_words


def _by_name(made: Any, names: Mapping[str, str]) -> Any:
    if isinstance(made, Table):
        return replace(made, data=renamed(made.data, names))
    if isinstance(made, Verdict):
        levels = tuple(replace(each, level=renamed(each.level, names)) for each in made.levels)
        first, second = renamed([made.first, made.second], names)
        seeds = tuple(renamed(made.unclear_over_seeds, names))
        return replace(made, first=first, second=second, levels=levels, unclear_over_seeds=seeds)
    if isinstance(made, str) or not isinstance(made, Sequence):
        return made
    return [_by_name(each, names) for each in made]


def _relabelled(said: Any, names: Sequence[str]) -> Any:
    if isinstance(said, str):
        # Of the same kind: HTML stays HTML.
        return type(said)(labels_for_levels(said, names))
    if isinstance(said, Table):
        texts = {name: getattr(said, name) for name in ("title", "columns", "rows", "notes")}
        return replace(said, **{name: _relabelled(text, names) for name, text in texts.items()})
    if isinstance(said, Verdict):
        return replace(said, words=_relabelled(said.words, names))
    return [_relabelled(each, names) for each in said] if isinstance(said, Sequence) else said


@dataclass(frozen=True, eq=False)
class Declared:
    """A table of a study, declared once."""

    #: Of its files, without ending.
    name: str
    #: What it says.
    about: str
    #: Those that it always has, in order; further ones may follow.
    columns: Sequence[str] = ()
    #: Makes the table that is printed; None where the numbers alone are written.
    printed: Callable[[Results], Table | None] | None = None
    #: Makes its sentences.
    words: Callable[[Results], list[str]] | None = None
    #: File of the sentences, without ending.
    words_name: str = ""
    #: Format of its numbers in CSV.
    decimals: str = "%.9g"

    def texts(self, found: Results) -> dict[str, str]:
        """File name to content, of everything that is written of it."""
        numbers = found[self]
        for name in {*_SAID} & {*numbers}:
            numbers = numbers.assign(**{name: found.own_words(numbers[name].tolist())})
        texts = {f"{self.name}.csv": numbers.to_csv(index=False, float_format=self.decimals)}
        if table := self.table(found):
            texts |= {f"{self.name}.md": table.to_markdown(), f"{self.name}.html": table.to_html()}
        if self.words:
            sentences = "".join(f"- {sentence}\n" for sentence in self.sentences(found))
            texts[f"{self.words_name}.md"] = sentences
        return texts

    def table(self, found: Results) -> Table | None:
        """The table that is printed, in the study's words; None where there is none."""
        return worded(self.printed)(found) if self.printed else None

    def sentences(self, found: Results) -> list[str]:
        """What it says, in the study's words."""
        return worded(self.words)(found) if self.words else []

    def read(self, file: Any) -> pd.DataFrame:
        """The table back from its CSV; names stay text, as those of raters called by numbers."""
        found = read_own(file, _NAMES)
        # An empty text is no missing value.
        return found.fillna({name: "" for name in _TEXTS if name in found})


#: Columns of text that may be empty.
#: Columns of sentences.
_SAID = ("notices", "words", "way")
_TEXTS = ("notices", "readers", "words", "level", "left_out", "how", "shared")
#: Columns of names, whatever the table.
_NAMES = ("exam", "patient", "rater", "other", "model", "left_out", "knee", "way", "without", *_TEXTS)
