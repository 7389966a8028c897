"""A board is made once, and opened when it is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmseg.errors import InputError
from bmseg.leaderboard.challenge import default_challenge
from bmseg.leaderboard.making import init_board
from bmseg.leaderboard.scoring import Reference
from bmseg.study import DEFAULT_STUDY, load_study
from tests.bmseg.leaderboard.boards import make_board


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_a_second_init_knows_the_study_file_whatever_ends_its_lines(tmp_path: Path, ends: bytes) -> None:
    _, reference = make_board(tmp_path)
    file = tmp_path / "own.toml"
    file.write_bytes(b"\n".join(DEFAULT_STUDY.read_bytes().splitlines()).replace(b"\n", ends) + ends)
    study = load_study(file)
    reference = Reference.of(study, {name: tmp_path / "readers" / name for name in study.reader_names})
    challenge = default_challenge(study, synthetic=True)
    asked = (tmp_path / "other", challenge, file, reference)
    board, made = init_board(*asked)
    assert made and (board.root / "study.toml").read_bytes() == file.read_bytes()
    again, made = init_board(*asked)
    assert not made and again.study == board.study
    file.write_bytes(file.read_bytes() + b"# changed" + ends)
    with pytest.raises(InputError, match="found another than the board was made with"):
        init_board(*asked)
