"""Who and what a study file names, and what each is shown as: levels, groups, readers, models."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from bmseg.study.dicom import DicomTerms
from bmseg.study.rules import Name, SectionOfFile

#: Of a label in masks: of 16 bits.
LARGEST_VALUE = 65535
Color = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
# Letters of a title.
_LONGEST = 40
# What figures, Markdown and pages would take for markup.
_MARKUP = "$\\|`<>"
# Whom sentences and tables speak of beside raters.
_TAKEN = ("background", "consensus", "the consensus", "yardstick", "the yardstick", "median reader", "nobody")


def _check_title(title: str) -> str:
    if not title.isprintable() or title != title.strip() or any(letter in _MARKUP for letter in title):
        raise ValueError(
            "letters, digits, marks and single spaces within: no line breaks, nothing invisible, none of "
            f"{' '.join(_MARKUP)}"
        )
    return title


#: What a level or rater is shown as in tables, sentences and figures; files and identifiers go by names.
Title = Annotated[str, Field(min_length=1, max_length=_LONGEST), AfterValidator(_check_title)]


class Level(SectionOfFile):
    """One grade of the ordinal signal, or one label: its value in the masks, its name and its colour."""

    value: Annotated[int, Field(ge=1, le=LARGEST_VALUE)]
    name: Name
    #: What it is shown as.
    title: Title | None = None
    description: str = ""
    color: Color
    # Of no page or table: not among what is dumped for them.
    dicom: Annotated[DicomTerms, Field(exclude=True)] = DicomTerms()

    @property
    def shown(self) -> str:
        """Its title, or its name."""
        return self.title or self.name


class Group(SectionOfFile):
    """Levels scored as one: the union of their masks."""

    name: Name
    title: Title | None = None
    levels: Annotated[list[int], Field(min_length=1)]


class Reader(SectionOfFile):
    """A person whose masks are compared, or a second reading by one."""

    name: Name
    title: Title | None = None
    description: str = ""
    #: Whose second reading it is.
    repeat_of: Name | None = None


class Model(SectionOfFile):
    """What a model is shown as; it need not be there."""

    name: Name
    title: Title


def titles_of(*named: Sequence[Level | Group | Reader | Model]) -> dict[str, str]:
    """Name to title, of those who have one."""
    return {each.name: each.title for kind in named for each in kind if each.title}


def check_titles(titles: Mapping[str, str], names: Sequence[str]) -> None:
    """A ValueError where two would be shown alike, or one as something that is spoken of beside them.

    `names` are all that a study file names.
    """
    shown: dict[str, str] = {_as_seen(name): name for name in _TAKEN}
    shown |= {_as_seen(name): name for name in names}
    for name, title in titles.items():
        other = shown.setdefault(_as_seen(title), name)
        if other != name:
            raise ValueError(
                f"title of {name}: found '{title}', as {other} is called or shown; expected one of its own"
            )


def _as_seen(title: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", title).casefold().split())
