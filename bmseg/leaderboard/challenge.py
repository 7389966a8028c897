"""What a challenge is: how it ranks (challenge.toml) and what a submission must hold (exams.json).

The contract, exams.json, is public and holds no mask: a participant checks a submission against it, and the
organiser adds by the same one.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bmseg.errors import InputError
from bmseg.study import Study, in_one_line
from bmseg.study.rules import Name
from bmseg.untrusted.header import ExamGrid

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
    #: Level or group to its weight in the overall rank; what is not named is shown and not ranked.
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


class Public(Record):
    """What of a submission the page shows; scores always are."""

    description: bool = True
    url: bool = True
    #: The SHA-256 of the submitted masks.
    masks_hash: bool = True
    #: The worst exams as images, with the consensus beside the submission. They show the test exams'
    #: reference: leave them out while the challenge runs.
    overlays: bool = False


class Challenge(Record):
    """A challenge file, checked."""

    title: Annotated[str, Field(min_length=1, max_length=120)]
    description: Annotated[str, Field(max_length=2000)] = ""
    organiser: Annotated[str, Field(max_length=200)] = ""
    url: Annotated[str, Field(pattern=r"^(https?://[^\s<>\"']+)?$", max_length=300)] = ""
    synthetic: bool = False
    ranking: Ranking
    public: Public = Public()


def default_challenge(
    study: Study,
    *,
    synthetic: bool,
    overlays: bool = False,
    title: str | None = None,
    n_readers: int | None = None,
) -> Challenge:
    """A challenge of a study: single levels are ranked, groups of levels shown, for they repeat levels.

    One reader makes no consensus without a reader, so the yardstick is then the usual one. By default there
    are as many as the study has.
    """
    readers = len(study.readers) if n_readers is None else n_readers
    return Challenge(
        title=title or study.title,
        description="Segment each exam's levels of signal; readers are scored by the same yardstick.",
        synthetic=synthetic,
        ranking=Ranking(
            yardstick="fair" if readers > 1 else "usual",
            weights={level.name: 1.0 for level in study.levels},
        ),
        public=Public(overlays=overlays),
    )


def load_challenge(folder: Path, study: Study) -> Challenge:
    """Read a board's challenge.toml; raises `InputError` where it breaks a rule or ranks an unknown level."""
    path = folder / CHALLENGE_FILE
    challenge = read_checked(path, Challenge)
    if unknown := [level for level in challenge.ranking.weights if level not in study.level_names]:
        raise InputError(
            f"{path}: ranking.weights: found {', '.join(unknown)}, expected some of "
            f"{', '.join(study.level_names)}"
        )
    return challenge


def challenge_text(challenge: Challenge) -> str:
    """A challenge as its file holds it."""
    return _HEAD + tomli_w.dumps(challenge.model_dump())


def read_checked(path: Path, model: type[Model]) -> Model:
    """What a TOML file of a board holds; raises `InputError` where it is missing or breaks a rule."""
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except ValidationError as error:
        raise InputError(f"{path}: {in_one_line(error)}") from None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; 'bmseg leaderboard init' makes a board") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: found no readable TOML ({error}); restore or correct it") from None


class Contract(Record):
    """What a submission must hold: labels, background included; case identifiers, sorted, and their grids."""

    labels: Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=2)]
    exams: Annotated[dict[Name, ExamGrid], Field(min_length=1)]


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
        raise InputError(f"{file}: {in_one_line(error)}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file}: found no readable JSON ({error}), expected {CONTRACT_FILE}") from None


def contract_text(contract: Contract) -> str:
    """A contract as its file holds it."""
    return json.dumps(contract.model_dump(), indent=1) + "\n"
