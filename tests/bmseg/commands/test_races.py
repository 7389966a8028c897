"""Real processes at once: what lies there afterwards is whole, and its record true of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bmseg.leaderboard.adding import add_submission
from bmseg.leaderboard.publish import publish
from bmseg.leaderboard.verify import verify
from bmseg.outputs.provenance import file_hash, read_record
from bmseg.scoring.masks import masks_hash
from bmseg.workspace import open_workspace
from dataset_conversion.images import Volume, write_volume
from dataset_conversion.raw.conversion import read_table
from tests.bmseg.atlas.tiny import AFFINES, knees
from tests.bmseg.commands import racers
from tests.bmseg.commands.racers import race
from tests.bmseg.leaderboard.boards import make_board, with_rules, write_masks
from tests.support.files import bytes_of
from tests.support.studies import SMALL_EXAMS, small_raters, small_study


@pytest.mark.usefixtures("no_figures", "few_tables")
def test_two_evaluations_into_one_folder(tmp_path: Path) -> None:
    small_study(tmp_path, '[scores]\nmeasures = ["dice"]\n')
    small_raters(tmp_path / "masks", "net", "other")
    out = tmp_path / "out"
    assert race(*((racers.evaluate, tmp_path, model, out) for model in ("net", "other"))) == [0, 0]
    record = read_record(out / "provenance.json")
    assert {name: file_hash(out / name) for name in record["outputs"]} == record["outputs"]
    files = {
        model: {e: tmp_path / "masks" / model / f"{e}.nii.gz" for e in SMALL_EXAMS}
        for model in ("net", "other")
    }
    (scored,) = (model for model in files if masks_hash(files[model]) == record["masks_sha256"]["net"])
    assert {path.name for path in out.glob(".*")} == {".lock"}
    # The record says whose scores they are: those of the same masks scored alone.
    assert racers.evaluate(tmp_path, scored, out)
    assert not racers.evaluate(tmp_path, scored, tmp_path / "alone")
    assert bytes_of(tmp_path / "alone") == bytes_of(out)


def test_two_conversions_into_one_workspace(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    rows = {}
    for seed, exam in enumerate("abc"):
        image, mask = knees(seed, levels=1)
        for name, array in ((exam, image), (f"{exam}_m", mask)):
            write_volume(tmp_path / f"{name}.nii.gz", Volume(array, AFFINES["coronal"]))
        rows[exam] = f"{exam},training,{exam}.nii.gz,{exam}_m.nii.gz\n"
    for table in ("ab", "bc"):
        text = "exam,split,water,reader1\n" + "".join(rows[exam] for exam in table)
        (tmp_path / f"{table}.csv").write_text(text)
    assert race(*((racers.convert, tmp_path, f"{table}.csv") for table in ("ab", "bc"))) == [0, 0]
    workspace, _ = open_workspace(tmp_path / "ws", study)
    dataset = workspace.dataset
    exams = sorted(dataset.cohort().exam)
    assert exams in (["a", "b"], ["b", "c"])
    assert sorted(path.name for path in (dataset.folder / "labelsTr").iterdir()) == [
        f"{exam}.nii.gz" for exam in exams
    ]
    known = {
        e.identifier: e.fingerprint for e in read_table(tmp_path / f"{''.join(exams)}.csv", dataset.spec)
    }
    assert json.loads((dataset.folder / ".conversion.json").read_text()) == known
    assert not list(workspace.root.rglob(".partial*"))


def test_a_board_is_added_to_while_it_is_built_and_submissions_come_and_go(tmp_path: Path) -> None:
    board, reference = make_board(tmp_path, with_rules(bootstraps=200))
    for place in range(2):
        write_masks(tmp_path / "sent" / f"{place}", 20 + place)
    entry = add_submission(board, "first", write_masks(tmp_path / "first", 30), reference).entry
    work = [
        (racers.add, tmp_path, "alpha"),
        (racers.take_out_and_back, tmp_path, entry.key), (racers.build, tmp_path),
    ]  # fmt: skip
    assert race(*work) == [0, 0, 0]
    assert len(board.entries()) == 3 and len(board.find(entry.key).history) == 9
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bmseg.leaderboard.site.build.draw_figures", lambda *_: None)
        publish(board, None, reference)
    found = verify(board, reference, drawings=False)
    assert found.differences == []
    assert {path.name for path in board.root.glob(".*")} == {".lock", ".gitignore"}
