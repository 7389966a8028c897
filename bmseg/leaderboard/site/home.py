"""The challenge's own page: what is asked, of which data, until when, and how to take part."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from bmseg.leaderboard.challenge import CONTRACT_FILE
from bmseg.leaderboard.site.rules import what_is_measured
from bmseg.leaderboard.standings import Standings
from bmseg.leaderboard.texts import link, plain
from evaluation.statistics.words import plural

HOME_FILE = "challenge.html"
_BLANK_LINES = re.compile(r"\n\s*\n")
_MAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True)
class HomePage:
    """The page, a paragraph a text."""

    task: list[str]
    data: list[str]
    dates: list[tuple[str, str]]
    submit: list[str]
    #: What everybody sends, from the contract.
    asked: list[str]
    contact: str
    contact_link: str  # empty where it is text
    citations: list[str]


def home_page(standings: Standings) -> HomePage:
    """In the organiser's words where there are any, and what the board itself knows."""
    challenge, home = standings.challenge, standings.challenge.home
    citations = [plain(text) for text in (home.citation, standings.study.citation) if text]
    return HomePage(
        task=[*paragraphs(home.task or challenge.description), *what_is_measured(standings)],
        data=[*paragraphs(home.data), _grids(standings)],
        dates=sorted((day.date, plain(day.what)) for day in home.dates),
        submit=paragraphs(home.submit),
        asked=_asked(standings),
        contact=plain(home.contact),
        contact_link=_contact_link(home.contact.strip()),
        citations=list(dict.fromkeys(citations)),
    )


def paragraphs(text: str) -> list[str]:
    """Plain text at its blank lines."""
    return [shown for part in _BLANK_LINES.split(text) if (shown := plain(part))]


def _contact_link(contact: str) -> str:
    return f"mailto:{contact}" if _MAIL.fullmatch(contact) else link(contact)


def _grids(standings: Standings) -> str:
    """How many test exams there are, and their size."""
    exams = standings.contract.exams
    sizes = np.array([grid.size for grid in exams.values()])
    spacing = np.array([np.linalg.norm(np.asarray(grid.affine)[:3, :3], axis=0) for grid in exams.values()])
    voxels = " \u00d7 ".join(_range(axis, "g") for axis in sizes.T)
    mm = " \u00d7 ".join(_range(np.round(axis, 2), "g") for axis in spacing.T)
    told = f"{plural(len(exams), 'test exam')}: {voxels} voxels of {mm} mm. {CONTRACT_FILE} names them and "
    told += "their grids, and holds no mask."
    return told if standings.challenge.public.overlays else f"{told} The readers' masks are not public."


def _range(values: np.ndarray, form: str) -> str:
    low, high = f"{values.min():{form}}", f"{values.max():{form}}"
    return low if low == high else f"{low}\u2013{high}"


def _asked(standings: Standings) -> list[str]:
    """What a submission is, as steps."""
    levels = [f"{one.value} ({standings.shown(one.name)})" for one in standings.study.levels]
    labels = ", ".join(["0 (background)", *levels])
    missing = {
        "refuse": "A submission that lacks one is refused.",
        "worst": "An exam without a mask counts as the worst score.",
    }[standings.challenge.ranking.missing]
    team = {
        "latest": "Of each team the latest submission is ranked.",
        "all": "Every submission of a team is ranked.",
    }[standings.challenge.ranking.submissions]
    return [
        f"A folder or ZIP with a mask for each test exam, called as the exam (exam.nii.gz, .nii, .mha or "
        f".nrrd), on the exam's own grid. {missing}",
        f"Labels: {labels}.",
        f"Check before you send: bmseg submission check masks.zip --contract {CONTRACT_FILE}",
        team,
    ]
