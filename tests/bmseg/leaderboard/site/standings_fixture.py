"""Boards made of random scores, as large or as odd as a test wants them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from bmseg.leaderboard.board import Board
from bmseg.leaderboard.challenge import Challenge, Contract, Public, Ranking
from bmseg.leaderboard.entries import Description, Entry, Event
from bmseg.leaderboard.scoring import MISSING, NOBODY, SCORED, UNDEFINED
from bmseg.leaderboard.site.overlays import Overlay
from bmseg.leaderboard.standings import Standings
from bmseg.leaderboard.standings import standings as rank_board
from bmseg.study import load_study
from bmseg.untrusted.header import ExamGrid

#: What a team may try to write.
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "$x^2$ and $\\frac{1}{0}",
    "=cmd()|'/c calc'!A1",
    "\u202egnp.exe {{ 7 * 7 }}",
    "+1\x08 &amp; \U0001f9b4",
    "@SUM(A1) \\$ _ %",
]


def standings(
    n_submissions: int = 7,
    n_exams: int = 10,
    *,
    titles: list[str] | None = None,
    public: Public | None = None,
    bootstraps: int = 100,
    exact: bool = True,
    tasks: tuple[str, ...] = (),
) -> Standings:
    """A board of random scores: the first submissions good, the last one poor, which lacks an exam.

    One submission more is withdrawn and one superseded, where there is any. `tasks` are levels by NSD at the
    readers' tolerance or HD95, beside Dice.
    """
    study = load_study()
    challenge = Challenge(
        title=study.title,
        description="Mark the bone marrow signal of each exam, level by level.",
        organiser="The organisers",
        synthetic=True,
        ranking=Ranking(
            weights=dict.fromkeys([*(level.name for level in study.levels), *tasks], 1.0),
            submissions="latest",
            exact=exact,
        ).model_copy(update={"bootstraps": bootstraps}),
        public=public or Public(),
    )
    grid = ExamGrid(size=[32, 40, 8], affine=np.diag([0.9, 0.9, 3.5, 1.0]).tolist())
    exams = [f"exam{number:03d}" for number in range(1, n_exams + 1)]
    contract = Contract(
        labels=list(study.label_values), exams=dict.fromkeys(exams, grid),
        tolerances=dict.fromkeys(study.level_names, 1.8) if tasks else {},
    )  # fmt: skip
    entries = [_entry(place, (titles or [])[place : place + 1]) for place in range(n_submissions)]
    given = [_withdrawn(_entry(100, [])), _earlier(entries[0]), *entries] if entries else []
    return rank_board(_Drawn(Path(), study, challenge, contract, given))


@dataclass(frozen=True)
class _Drawn(Board):
    """A board whose scores are drawn, not read from files."""

    given: list[Entry]

    def entries(self) -> list[Entry]:
        return self.given

    def dice(self, entry: Entry) -> pd.DataFrame:
        place = int(entry.team.removeprefix("team-"))
        is_last = entry is self.given[-1] and place > 1
        readers = [NOBODY, *self.study.reader_names]
        return self._scores(place, 0.12 - 0.03 * place, readers, "exam002" if is_last else "")

    def reader_scores(self) -> pd.DataFrame:
        tables = [
            self._scores(1000 + place, 0.04, [reader]).assign(rater=reader)
            for place, reader in enumerate(self.study.reader_names)
        ]
        return pd.concat(tables, ignore_index=True)

    def measures(self, entry: Entry) -> pd.DataFrame:
        return self._measured(self.dice(entry))

    def reader_measures(self) -> pd.DataFrame:
        return self._measured(self.reader_scores())

    def _measured(self, dice: pd.DataFrame) -> pd.DataFrame:
        """By every measure of the challenge, the better the higher Dice is."""
        tables = []
        for name in self.challenge.ranking.measures:
            value = np.sqrt(dice.dice) if name.startswith("nsd") else 20 * (1 - dice.dice)
            worst = 0.0 if name.startswith("nsd") else 54.1
            there = dice.dice.notna().astype("Int64")
            counted = {"n_reference": there, "n_rater": there, "worst": worst, "measure": name}
            tables.append(dice.drop(columns="dice").assign(value=value, **counted))
        return pd.concat(tables, ignore_index=True)

    def _scores(self, seed: int, skill: float, left_out: list[str], missing: str = "") -> pd.DataFrame:
        """Dice that fall level by level; some exams are hard for all, level 3 is empty in one of five."""
        hard, rng = np.random.default_rng(0), np.random.default_rng(seed)
        rows = []
        for number, exam in enumerate(self.contract.exams):
            hardness = hard.normal(0, 0.07)
            for depth, level in enumerate(self.study.level_names):
                dice = 0.75 - 0.12 * depth + skill + hardness + rng.normal(0, 0.05)
                status = UNDEFINED if level == "level3" and number % 5 == 4 else SCORED
                status = MISSING if exam == missing else status
                for other in left_out:
                    value = np.clip(dice + rng.normal(0, 0.01), 0, 1) if status == SCORED else np.nan
                    rows.append((exam, level, other, value, status))
        return pd.DataFrame(rows, columns=["exam", "level", "left_out", "dice", "status"])


def _entry(place: int, title: list[str]) -> Entry:
    digest = hashlib.sha256(str(place).encode()).hexdigest()
    about = Description(
        title=title[0] if title else f"Method {place + 1}",
        method="2-D U-Net",
        description=title[0] if title else "Trained on one reader's masks.",
        url="https://example.org/method" if place % 2 else "javascript:alert(3)",
        version=(title[0] if title else "v2") if place % 2 else "",
        parameters=10**6 * (place + 1) if place % 2 else None,
        seconds_per_exam=1.5 * (place + 1) if place % 2 else None,
    )
    return Entry(
        team=f"team-{place + 1}",
        submission=digest[:12],
        about=about,
        simulated=place % 3 == 2,
        masks_sha256=digest,
        dice_sha256=digest[::-1],
        versions={"bmseg": "0.3.0"},
        history=[Event(date=f"2026-11-20T08:{place % 60:02d}:{place // 60:02d}.000000Z", event="added")],
    )


def _withdrawn(entry: Entry) -> Entry:
    event = Event(
        date="2026-11-21T09:00:00.000000Z", event="withdrawn", reason="Trained on <test> exams by mistake."
    )
    return entry.model_copy(update={"history": [*entry.history, event]})


def _earlier(entry: Entry) -> Entry:
    event = Event(date="2026-11-19T08:00:00.000000Z", event="added")
    return entry.model_copy(update={"submission": "0" * 12, "history": [event]})


@dataclass
class Images:
    """Overlays of the first two teams: thresholds of a smooth field; remembers what it was asked to read."""

    read_so_far: list[tuple[str, str]] = field(default_factory=list)
    lacking: str = ""

    def why_not(self, key: str, exam: str) -> str:
        has_it = key.startswith(("team-1/", "team-2/")) and exam != self.lacking
        return "" if has_it else f"The mask of {key} was lost."

    def read(self, key: str, exam: str) -> Overlay:
        self.read_so_far.append((key, exam))
        rng = np.random.default_rng(len(self.read_so_far))
        image = gaussian_filter(rng.normal(size=(60, 40, 8)), (6, 6, 2))
        image /= image.std()
        consensus = np.digitize(image, [0.8, 1.3, 1.8]).astype(np.uint8)
        submission = np.digitize(np.roll(image, 2, axis=0), [0.9, 1.3, 1.7]).astype(np.uint8)
        return Overlay(100 + 30 * image, consensus, submission, np.diag([0.9, 0.9, 3.5, 1.0]))
