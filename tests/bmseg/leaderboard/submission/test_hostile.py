"""Hostile submissions are refused for the right reason, in little memory and time, and leave no trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bmseg.leaderboard.submission.hostile import MOST_MEMORY, Verdict

MOST_SECONDS = 5
ROOT = Path(__file__).parents[4]


@dataclass(frozen=True)
class Trial:
    """All sources with what must be said of them, what was said, and the folder before and after."""

    expected: dict[str, tuple[Path, str]]
    verdicts: dict[str, Verdict]
    before: dict[str, tuple[int, int, int]]
    after: dict[str, tuple[int, int, int]]


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Mode, size and time of change of everything below a folder."""
    found = {}
    for path in folder.rglob("*"):
        status = os.lstat(path)
        found[os.fspath(path)] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found


@pytest.fixture(scope="module")
def trial(hostile_sources: dict[str, tuple[Path, str]]) -> Trial:
    root = next(iter(hostile_sources.values()))[0].parents[1]
    sources, cwd = root / "sources", root / "cwd"
    cwd.mkdir()
    before = listing(root)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bmseg.leaderboard.submission.hostile", str(sources)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = [Verdict(**json.loads(line)) for line in done.stdout.splitlines()]
    return Trial(hostile_sources, {line.source: line for line in lines}, before, listing(root))


def test_each_is_refused_for_its_reason(trial: Trial) -> None:
    assert len(trial.expected) >= 40
    assert len(trial.verdicts) == len(trial.expected)
    wrong = {}
    for name, (source, message) in trial.expected.items():
        verdict = trial.verdicts[source.name]
        said = [verdict.refusal] if verdict.refusal else verdict.faults
        if not any(message in one for one in said):
            wrong[name] = (message, said)
    assert wrong == {}


def test_what_is_said_can_be_printed(trial: Trial) -> None:
    for verdict in trial.verdicts.values():
        for text in [verdict.refusal, *verdict.faults]:
            assert text.isprintable()
            assert len(text) < 800


def test_memory_and_time(trial: Trial) -> None:
    assert max(verdict.bytes for verdict in trial.verdicts.values()) < MOST_MEMORY
    slow = {
        name: verdict.seconds for name, verdict in trial.verdicts.items() if verdict.seconds > MOST_SECONDS
    }
    assert slow == {}


def test_nothing_is_written(trial: Trial) -> None:
    assert trial.after == trial.before


def test_the_sound_mask_beside_a_hostile_one_is_read(trial: Trial) -> None:
    for name, (source, _) in trial.expected.items():
        if name.startswith("mask: "):
            verdict = trial.verdicts[source.name]
            assert verdict.masks == ["case_2"], name
            assert verdict.missing == [], name
