"""What a challenge is and how it ranks: challenge.toml, beside the study file on a board."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bmseg.errors import InputError
from bmseg.study import Study, in_one_line
from dataset_conversion.files import write_if_changed

CHALLENGE_FILE = "challenge.toml"

_HEAD = """\
# A challenge: what the page says and how submissions are ranked. Levels, groups, readers and the consensus
# stand in study.toml, what a submission must hold in exams.json. After a change: bmseg leaderboard build.

"""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Ranking(_Table):
    """How submissions are ranked.

    Parameters
    ----------
    scheme
        Whose ranks order the page; every other scheme stands beside it.
    yardstick
        ``fair``: the mean Dice over the consensuses without each reader, by which readers are measured too.
        ``usual``: Dice against the consensus of all readers.
    weights
        Level or group to its weight in the overall rank; what is not named is shown and not ranked.
    missing
        ``worst``: an exam without a mask counts as Dice 0. ``refuse``: such a submission is refused.
    submissions
        ``all`` of a team are ranked, or its ``latest``.
    tolerance
        Values closer than this share a rank.
    alpha
        Of the Holm-adjusted pairwise tests.
    exact
        Exact Wilcoxon tests in place of the normal approximation, which bootstrap samples of more than 12
        exams keep.
    confidence
        Of rank intervals and of the interval beside the readers.
    bootstraps, seed
        Of the bootstrap over exams.
    """

    scheme: Literal[
        "mean-then-rank", "median-then-rank", "rank-then-mean", "rank-then-median", "test-then-rank"
    ] = "mean-then-rank"
    yardstick: Literal["fair", "usual"] = "fair"
    weights: Annotated[dict[str, Annotated[float, Field(gt=0)]], Field(min_length=1)]
    missing: Literal["worst", "refuse"] = "worst"
    submissions: Literal["all", "latest"] = "latest"
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 1e-9
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05
    exact: bool = True
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    bootstraps: Annotated[int, Field(ge=100, le=100_000)] = 1000
    seed: Annotated[int, Field(ge=0)] = 2022


class Public(_Table):
    """What of a submission the page shows; scores always are.

    Parameters
    ----------
    description, url
        As the team gave them.
    masks_hash
        The SHA-256 of the submitted masks.
    overlays
        The worst exams as images, with the consensus beside the submission. They show the test exams'
        reference: leave them out while the challenge runs.
    """

    description: bool = True
    url: bool = True
    masks_hash: bool = True
    overlays: bool = False


class Challenge(_Table):
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
    """Read and check a board's challenge.toml.

    Raises
    ------
    InputError
        When the file cannot be read, is not TOML, breaks a rule, or ranks a level that the study has not.
    """
    path = folder / CHALLENGE_FILE
    try:
        challenge = Challenge.model_validate(read_toml(path))
    except ValidationError as error:
        raise InputError(f"{path}: {in_one_line(error)}") from None
    if unknown := [level for level in challenge.ranking.weights if level not in study.level_names]:
        raise InputError(
            f"{path}: ranking.weights: found {', '.join(unknown)}, expected some of "
            f"{', '.join(study.level_names)}"
        )
    return challenge


def write_challenge(challenge: Challenge, folder: Path) -> Path:
    """Write challenge.toml into a board's folder; returns the path."""
    path = folder / CHALLENGE_FILE
    write_if_changed(path, _HEAD + tomli_w.dumps(challenge.model_dump()))
    return path


def read_toml(path: Path) -> dict[str, Any]:
    """The values of a TOML file.

    Raises
    ------
    InputError
        When it is missing, unreadable or no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; 'bmseg leaderboard init' makes a board") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: found no readable TOML ({error}); restore or correct it") from None
