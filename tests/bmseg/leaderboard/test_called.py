"""What a board calls levels, readers and methods: titles, but never in place of a team's own name."""

from __future__ import annotations

from bmseg.leaderboard.called import board_titles
from bmseg.leaderboard.entries import Description, Entry, Event
from bmseg.study import load_study


def _entry(team: str, method: str = "") -> Entry:
    return Entry(
        team=team, submission="a1", about=Description(method=method), masks_sha256="0" * 64,
        dice_sha256="0" * 64, versions={}, history=[Event(date="2026-01-02T03:04:05.000006Z", event="added")],
    )  # fmt: skip


def test_levels_readers_and_methods_of_bmseg_have_titles() -> None:
    found = board_titles(load_study(), [_entry("nnunet", "bmseg train nnunet"), _entry("alpha")])
    assert found["level2+3"] == "Levels 2 and 3" and found["reader1"] == "Reader 1"
    assert found["nnunet"] == "nnU-Net" and "alpha" not in found and "unet" not in found


def test_a_team_is_called_as_it_calls_itself() -> None:
    entries = [
        _entry("unet", "ours"), _entry("level1"), _entry("nnunet", "bmseg train nnunet"), _entry("nnunet"),
    ]  # fmt: skip
    found = board_titles(load_study(), entries)
    # Neither as a method, nor as a level, nor where only some of its submissions are the method's.
    assert not {"unet", "level1", "nnunet"} & set(found)
    assert found["level2"] == "Level 2"


def test_no_title_is_that_of_a_team() -> None:
    study = load_study()
    taken = study.model_copy(
        update={"readers": [study.readers[0].model_copy(update={"title": "Alpha"}), *study.readers[1:]]}
    )
    assert board_titles(taken, [_entry("beta")])["reader1"] == "Alpha"
    assert "reader1" not in board_titles(taken, [_entry("alpha")])
