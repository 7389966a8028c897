"""A submission's record on the board: whose it is, what it is called, what became of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import tomli_w
from pydantic import Field

from bmseg.errors import InputError
from bmseg.leaderboard.challenge import Record, read_checked
from bmseg.leaderboard.texts import (
    LONGEST_DESCRIPTION,
    LONGEST_LINE,
    LONGEST_REASON,
    LONGEST_URL,
    LONGEST_VERSION,
)
from dataset_conversion.files import write_text

ENTRY_FILE = "submission.toml"
# Two hyphens part team and submission in a page's name, so a submission has none of them in a row.
_TEAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SUBMISSION = re.compile(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*")
_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Event(Record):
    """What became of a submission, and when (UTC)."""

    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]
    event: Literal["added", "withdrawn", "reinstated"]
    reason: Annotated[str, Field(max_length=LONGEST_REASON)] = ""


class Description(Record):
    """What a team says of its submission; free text, shown escaped, and what the method costs."""

    title: Annotated[str, Field(max_length=LONGEST_LINE)] = ""
    method: Annotated[str, Field(max_length=LONGEST_LINE)] = ""
    description: Annotated[str, Field(max_length=LONGEST_DESCRIPTION)] = ""
    url: Annotated[str, Field(max_length=LONGEST_URL)] = ""
    version: Annotated[str, Field(max_length=LONGEST_VERSION)] = ""
    #: Of the method; None where nobody says.
    parameters: Annotated[int, Field(ge=1, le=2**62)] | None = None
    seconds_per_exam: Annotated[float, Field(gt=0, lt=1e9)] | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """What tells one description from another: all but costs, which a second run measures anew."""
        return self.title, self.method, self.description, self.url, self.version


class Copied(Record):
    """A reader or another submission whose masks a submission has, as found when it was added."""

    of: str  # a reader, or a submission's key
    kind: Literal["copy", "nearly identical", "in part"]
    words: str
    shared: list[str] = Field(default_factory=list)  # in part: exams


class Entry(Record):
    """A submission on the board, in the folder ``results/<team>/<submission>``."""

    team: str
    submission: str  # the head of the hash of its masks
    about: Description = Description()
    simulated: bool = False  # made from the consensus by a named perturbation, by no team
    # Readers whose masks it learned from, as the team says; and whose masks these are, as found when it was
    # added: in sentences, and where this is known (since 0.8) which. An earlier board has sentences alone.
    taught_by: list[str] = Field(default_factory=list)
    resembles: list[str] = Field(default_factory=list)
    copied: list[Copied] = Field(default_factory=list)
    masks_sha256: _Hash  # of labels and grids
    dice_sha256: _Hash  # of dice.csv
    ways_sha256: _Hash | Literal[""] = ""  # of ways.csv; empty on a board that was made before there was one
    measures_sha256: _Hash | Literal[""] = ""  # of measures.csv; empty where all tasks are Dice
    versions: dict[str, str]  # of the packages that scored it
    history: Annotated[list[Event], Field(min_length=1)]  # first added; the last says whether it stands

    @property
    def key(self) -> str:
        """Team and submission as one name."""
        return f"{self.team}/{self.submission}"

    @property
    def name(self) -> str:
        """What the page calls it: the team, and the title where it has one."""
        return f"{self.team}: {self.about.title}" if self.about.title else self.team

    @property
    def page_name(self) -> str:
        """The name of its page without the ending; raises `InputError` where it would be no file's name."""
        for field, value, form in (("team", self.team, _TEAM), ("submission", self.submission, _SUBMISSION)):
            if not form.fullmatch(value):
                raise InputError(
                    f"{field}: found {value!a}, expected letters A to Z, digits, and single - or _ between"
                )
        return f"{self.team}--{self.submission}"

    @property
    def is_withdrawn(self) -> bool:
        """Whether it no longer stands."""
        return self.history[-1].event == "withdrawn"

    def as_of(self, moment: str) -> Entry | None:
        """The record as it stood at a moment (UTC, as of `Event.date`); None where it was not there yet."""
        known = [event for event in self.history if event.date <= moment]
        return self.model_copy(update={"history": known}) if known else None


def read_entry(folder: Path) -> Entry:
    """Read a folder's record; raises `InputError` where it is missing, damaged or names another folder."""
    path = folder / ENTRY_FILE
    entry = read_checked(path, Entry)
    if (entry.team, entry.submission) != (folder.parent.name, folder.name):
        raise InputError(
            f"{path}: team and submission: found {entry.key}, expected {folder.parent.name}/{folder.name} "
            "as the folder is called"
        )
    return entry


def entry_text(entry: Entry) -> str:
    """A record as its file holds it."""
    unused = set() if entry.measures_sha256 else {"measures_sha256"}
    return tomli_w.dumps(entry.model_dump(exclude=unused, exclude_none=True))


def write_entry(entry: Entry, folder: Path) -> None:
    """Write the record into a submission's folder, atomically."""
    write_text(folder / ENTRY_FILE, entry_text(entry))
