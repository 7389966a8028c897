"""The command that a participant runs before a submission is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmseg.leaderboard.challenge import contract_text
from tests.bmseg.leaderboard.submission.hostile_masks import CONTRACT, mask
from tests.bmseg.leaderboard.submission.hostile_zips import FIRST, SECOND, SOUND, zipped
from tests.support.command_line import assert_refused, bmseg


@pytest.fixture
def board(tmp_path: Path) -> Path:
    folder = tmp_path / "board"
    folder.mkdir()
    (folder / "exams.json").write_text(contract_text(CONTRACT))
    return folder


def test_a_sound_submission(tmp_path: Path, board: Path) -> None:
    source = tmp_path / "masks.zip"
    source.write_bytes(zipped([*SOUND, ("dataset.json", b"{}")]))
    for contract in (board, board / "exams.json"):
        done = bmseg("submission", "check", source, "--contract", contract)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        assert lines[0] == "note: ignored 1 by-product: dataset.json"
        assert lines[1].startswith("masks of 2 of 2 exams, sha256 ")
        assert len(lines[1].split()[-1]) == 64
        assert lines[2:] == ["no fault: it can be sent"]


def test_faults_and_missing_exams(tmp_path: Path, board: Path) -> None:
    source = tmp_path / "masks"
    source.mkdir()
    (source / SECOND).write_bytes(b"x")
    (source / "\x1b[2J\u202e").write_bytes(b"x")
    done = bmseg("submission", "check", source, "--contract", board)
    assert_refused(done, f"{source}: found 2 faults, expected none; correct and check again", code=1)
    lines = done.stdout.splitlines()
    assert lines[0].startswith(r"\x1b[2J\u202e: found no mask of a test exam")
    assert lines[1] == f"{SECOND}: found no gzip data, expected a gzipped NIfTI file"
    assert lines[2] == "missing 1 of 2 exams: case_1; the challenge's rules say what that means"
    assert all(line.isprintable() for line in lines)


def test_only_missing_exams(tmp_path: Path, board: Path) -> None:
    source = tmp_path / "masks"
    source.mkdir()
    (source / FIRST).write_bytes(mask())
    done = bmseg("submission", "check", source, "--contract", board)
    assert done.returncode == 0
    assert "missing 1 of 2 exams: case_2; the challenge's rules say what that means" in done.stdout
    assert done.stdout.splitlines()[-1] == "no fault: it can be sent"


def test_nothing_to_look_at(tmp_path: Path, board: Path) -> None:
    done = bmseg("submission", "check", tmp_path / "none", "--contract", board)
    assert_refused(done, "none: no such file, expected a folder or a ZIP of masks")
    done = bmseg("submission", "check", board, "--contract", tmp_path)
    assert_refused(done, "exams.json: no such file")
