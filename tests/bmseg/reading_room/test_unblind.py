"""Scores as files meet the key: what is written and printed, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from bmseg.outputs.provenance import file_hash
from tests.bmseg.reading_room.rooms_on_disk import ITEMS
from tests.support.command_line import assert_refused, bmseg, run_printed
from tests.support.rooms import scores_record


def write_scores(room: Path, file: Path, reader: str, shift: float = 0.0, **changes: object) -> Path:
    """A file as the page saves it; a mask's scores follow from its place."""
    key = json.loads((room / "key.json").read_text())
    answers = [
        {"mask": place, "scores": {item: round(place + n / 10 + shift, 1) for n, item in enumerate(ITEMS)}}
        for place in range(1, len(key["masks"]) + 1)
    ]
    file.write_text(json.dumps(scores_record(key["build"], answers, reader=reader) | changes))
    return file


def test_independent_readers(room: Path, tmp_path: Path) -> None:
    files = [
        write_scores(room, tmp_path / f"{name}.json", name, shift) for name, shift in (("AB", 0), ("CD", 1))
    ]
    out = tmp_path / "my out"
    result = bmseg("reading-room", "unblind", room / "key.json", *files, "-o", out)
    assert result.returncode == 0, result.stderr
    assert "AB (alone): 24 of 24 scores" in result.stdout
    assert (out / "icc.md").read_text() in result.stdout
    assert {path.name for path in out.glob("[!.]*")} == {
        "vas_nnunet_AB.csv", "vas_nnunet_CD.csv", "vas_nnunet_mean.csv", "answers.csv", "comments.csv",
        "icc.csv", "icc.md", "provenance.json",
    }  # fmt: skip
    commands = [line.removeprefix("Table 2: ") for line in result.stdout.splitlines() if "bmseg vas" in line]
    assert len(commands) == 3
    for command, name in zip(commands, ("AB", "CD", "mean"), strict=True):
        assert run_printed(command).returncode == 0
        assert (out / f"table2_nnunet_{name}" / "table2.csv").is_file()
    both = [pd.read_csv(out / f"vas_nnunet_{name}.csv").set_index("mask") for name in ("AB", "CD", "mean")]
    assert ((both[0].level1_ai + both[1].level1_ai) / 2).to_list() == pytest.approx(
        both[2].level1_ai.to_list()
    )
    record = json.loads((out / "provenance.json").read_text())
    assert record["files_sha256"] == {
        "key": file_hash(room / "key.json"), "AB": file_hash(files[0]), "CD": file_hash(files[1])
    }  # fmt: skip
    assert record["outputs"]["answers.csv"] == file_hash(out / "answers.csv")


def test_what_an_earlier_call_wrote_does_not_stay(room: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    files = [write_scores(room, tmp_path / f"{name}.json", name) for name in ("AB", "CD")]
    assert bmseg("reading-room", "unblind", room / "key.json", *files, "-o", out).returncode == 0
    (out / "notes.txt").write_text("mine")
    assert bmseg("reading-room", "unblind", room / "key.json", files[0], "-o", out).returncode == 0
    assert {path.name for path in out.glob("[!.]*")} == {
        "vas_nnunet_AB.csv", "answers.csv", "comments.csv", "provenance.json", "notes.txt",
    }  # fmt: skip


def test_refused(room: Path, tmp_path: Path) -> None:
    key, out = room / "key.json", tmp_path / "out"
    scores = write_scores(room, tmp_path / "AB.json", "AB")

    def refused(message: str, *files: Path) -> None:
        assert_refused(bmseg("reading-room", "unblind", *files, "-o", out), message)

    refused("no such file, expected the key of a reading room", tmp_path / "key.json", scores)
    refused("found no file that fits, expected the scores that the page saved", key, key)
    refused("found no file that fits, expected the key of a reading room", scores, scores)
    refused("SCORES: found a file named twice", key, scores, scores)
    broken = tmp_path / "broken.json"
    broken.write_text('{"kind": ')
    refused("broken.json: found no file that fits", key, broken)
    other = write_scores(room, tmp_path / "other.json", "CD", build="f" * 64)
    refused("found scores of page ffffffffffff", key, other)
    refused("found AB a second time", key, scores, write_scores(room, tmp_path / "again.json", "AB"))
    assert bmseg("reading-room", "unblind", key, "-o", out).returncode == 2
    assert not out.exists()
