"""What a challenge is: how it ranks (challenge.toml) and what a submission must hold (exams.json).

The contract, exams.json, is public and holds no mask: a participant checks a submission against it, and the
organiser adds by the same one.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bmseg.errors import InputError
from bmseg.study import Study, in_one_line
from bmseg.study.rules import Name
from bmseg.untrusted.header import ExamGrid
from evaluation.statistics.words import plural

if TYPE_CHECKING:
    from bmseg.leaderboard.tasks import Task

CHALLENGE_FILE = "challenge.toml"
#: Beside it on a board.
CONTRACT_FILE = "exams.json"
_HEAD = """\
# A challenge: what the page says and how submissions are ranked. Levels, groups, readers and the consensus
# stand in study.toml, what a submission must hold in exams.json. After a change: bmseg leaderboard build.

"""

Model = TypeVar("Model", bound=BaseModel)


class Record(BaseModel):
    """What stands in one of a board's files."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Ranking(Record):
    """How submissions are ranked."""

    #: Whose ranks order the page; every other scheme stands beside it.
    scheme: Literal[
        "mean-then-rank", "median-then-rank", "rank-then-mean", "rank-then-median", "test-then-rank"
    ] = "mean-then-rank"
    #: Fair: the mean Dice over the consensuses without each reader, by which readers are measured too. Usual:
    #: Dice against the consensus of all readers.
    yardstick: Literal["fair", "usual"] = "fair"
    #: Level or group to its weight in the overall rank, by Dice; ``level2 hd95`` is a level by another
    #: measure (`bmseg.leaderboard.tasks`). What is not named is shown and not ranked.
    weights: Annotated[dict[str, Annotated[float, Field(gt=0)]], Field(min_length=1)]
    #: Worst: an exam without a mask counts as Dice 0. Refuse: such a submission is refused.
    missing: Literal["worst", "refuse"] = "worst"
    #: Of a team, which are ranked.
    submissions: Literal["all", "latest"] = "latest"
    #: Values closer than this share a rank.
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 1e-9
    #: Of the Holm-adjusted pairwise tests.
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05
    #: Exact Wilcoxon tests, not the normal approximation, which bootstraps of more than 12 exams keep.
    exact: bool = True
    #: Of rank intervals and of the interval beside the readers.
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    #: Of the bootstrap over exams, as the seed.
    bootstraps: Annotated[int, Field(ge=100, le=100_000)] = 1000
    seed: Annotated[int, Field(ge=0)] = 2022

    @property
    def tasks(self) -> list[Task]:
        """What is ranked by other measures than Dice."""
        from bmseg.leaderboard.tasks import beside_dice

        return beside_dice(self.weights)

    @property
    def of_dice(self) -> dict[str, float]:
        """Level to weight, of the score by Dice."""
        from bmseg.leaderboard.tasks import dice_weights

        return dice_weights(self.weights)

    @property
    def measures(self) -> list[str]:
        """The measures that a board is scored by beside Dice."""
        return list(dict.fromkeys(task.measure.name for task in self.tasks))

    @property
    def is_of_dice(self) -> bool:
        """Whether every task is Dice."""
        return not self.tasks

    @property
    def is_unlike(self) -> bool:
        """Whether ranked tasks are of several measures, so that nothing but ranks can be averaged."""
        n_dice = len(self.weights) - len(self.tasks)
        return len(self.measures) + bool(n_dice) > 1


class Public(Record):
    """What of a submission the page shows; scores always are."""

    description: bool = True
    url: bool = True
    #: The SHA-256 of the submitted masks.
    masks_hash: bool = True
    #: The worst exams as images, with the consensus beside the submission. They show the test exams'
    #: reference: leave them out while the challenge runs.
    overlays: bool = False
    #: Every test exam in a viewer: image, consensus of all readers and submissions, every slice.
    viewer: bool = False


class Day(Record):
    """A date of a challenge, and what it is."""

    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    what: Annotated[str, Field(min_length=1, max_length=200)]

    @field_validator("date", mode="before")
    @classmethod
    def _is_a_day(cls, value: object) -> object:
        """TOML has dates of its own, without quotes."""
        return date.fromisoformat(value).isoformat() if isinstance(value, str) else str(value)


class Home(Record):
    """What the challenge's own page says, in the organiser's words: plain text, blank lines part paragraphs.

    What is empty the page says from the board: what a submission holds, and how it is scored.
    """

    task: Annotated[str, Field(max_length=4000)] = ""
    data: Annotated[str, Field(max_length=4000)] = ""
    submit: Annotated[str, Field(max_length=4000)] = ""
    #: An address of a page, an e-mail address, or text.
    contact: Annotated[str, Field(max_length=300)] = ""
    citation: Annotated[str, Field(max_length=1000)] = ""
    dates: Annotated[list[Day], Field(max_length=50)] = []


class Challenge(Record):
    """A challenge file, checked."""

    title: Annotated[str, Field(min_length=1, max_length=120)]
    description: Annotated[str, Field(max_length=2000)] = ""
    organiser: Annotated[str, Field(max_length=200)] = ""
    url: Annotated[str, Field(pattern=r"^(https?://[^\s<>\"']+)?$", max_length=300)] = ""
    synthetic: bool = False
    ranking: Ranking
    public: Public = Public()
    home: Home = Home()


def default_challenge(
    study: Study,
    *,
    synthetic: bool,
    overlays: bool = False,
    viewer: bool = False,
    title: str | None = None,
    n_readers: int | None = None,
    measures: Sequence[str] = (),
) -> Challenge:
    """A challenge of a study: single levels are ranked, groups of levels shown, for they repeat levels.

    One reader makes no consensus without a reader, so the yardstick is then the usual one. By default there
    are as many as the study has. Each of `measures` makes a task of each level, beside Dice; of measures that
    have no worst value every exam is then asked for.
    """
    readers = len(study.readers) if n_readers is None else n_readers
    levels = [level.name for level in study.levels]
    weighed = [*levels, *(f"{level} {measure}" for measure in measures for level in levels)]
    no_worst = _checked(weighed, study, CHALLENGE_FILE, "refuse")
    return Challenge(
        title=title or study.title,
        description="Segment each exam's levels of signal; readers are scored by the same yardstick.",
        synthetic=synthetic,
        ranking=Ranking(
            yardstick="fair" if readers > 1 else "usual",
            weights=dict.fromkeys(weighed, 1.0),
            missing="refuse" if no_worst else "worst",
        ),
        public=Public(overlays=overlays, viewer=viewer),
    )


def load_challenge(folder: Path, study: Study) -> Challenge:
    """Read a board's challenge.toml; raises `InputError` where it breaks a rule or ranks an unknown level."""
    path = folder / CHALLENGE_FILE
    challenge = read_checked(path, Challenge)
    _checked(list(challenge.ranking.weights), study, str(path), challenge.ranking.missing)
    return challenge


def _checked(weights: Sequence[str], study: Study, path: str, missing: str) -> list[str]:
    """Check names of tasks, raising `InputError`; returns those without a worst value."""
    from bmseg.leaderboard.tasks import beside_dice, check_weights

    try:
        check_weights(weights, study, missing)
    except ValueError as error:
        raise InputError(f"{path}: ranking.weights: {error}") from None
    return [task.name for task in beside_dice(dict.fromkeys(weights, 1.0)) if not task.measure.needs_both]


def challenge_text(challenge: Challenge) -> str:
    """A challenge as its file holds it."""
    return _HEAD + tomli_w.dumps(challenge.model_dump())


def read_checked(path: Path, model: type[Model]) -> Model:
    """What a TOML file of a board holds; raises `InputError` where it is missing or breaks a rule."""
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except ValidationError as error:
        raise InputError(f"{path}: {in_one_line(error, model)}") from None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; 'bmseg leaderboard init' makes a board") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: found no readable TOML ({error}); restore or correct it") from None


class Contract(Record):
    """What a submission must hold: labels, background included; case identifiers, sorted, and their grids."""

    labels: Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=2)]
    exams: Annotated[dict[Name, ExamGrid], Field(min_length=1)]
    #: Level to the tolerance of ``nsd@readers``, mm, of the readers' masks; where it is a task.
    tolerances: dict[Name, Annotated[float, Field(ge=0)]] = {}
    #: What these tolerances cannot carry, in sentences.
    tolerance_notices: list[str] = []
    #: How many voxels a reader was unsure of, which no score counts; in a sentence.
    unsure: list[str] = []
    #: Exam to the number of its patient, where some patient has several of the exams.
    patients: dict[Name, str] = {}

    @property
    def patients_told(self) -> list[str]:
        """That exams share patients, and what that does to tests and intervals; nothing where none do."""
        if not self.patients:
            return []
        patients = plural(len({*self.patients.values()}), "patient")
        return [
            f"{plural(len(self.patients), 'test exam')} are of {patients}: beside the median reader a "
            "difference is clear only if it is so of exams and of patients, each with the mean of its exams; "
            "ranks, tie groups and their tests take exams for independent and look surer than they are."
        ]


def read_contract(path: Path) -> Contract:
    """Read a contract's file or a board's; raises `InputError` where it is missing or breaks a rule."""
    file = path / CONTRACT_FILE if path.is_dir() else path
    try:
        values = json.loads(file.read_text(encoding="utf-8-sig"))
        return Contract.model_validate(values, strict=False)
    except FileNotFoundError:
        raise InputError(
            f"{file}: no such file, expected the challenge's {CONTRACT_FILE}: the organiser publishes it"
        ) from None
    except ValidationError as error:
        raise InputError(f"{file}: {in_one_line(error, Contract)}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file}: found no readable JSON ({error}), expected {CONTRACT_FILE}") from None


def contract_text(contract: Contract) -> str:
    """A contract as its file holds it."""
    return json.dumps(contract.model_dump(exclude_defaults=True), indent=1) + "\n"
