"""The room on disk: blinded, repeatable, and careful with the key of an earlier one."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest

from bmseg.outputs.provenance import files_hash, write_record
from bmseg.reading_room.shown import workspace_shown
from bmseg.study import DEFAULT_STUDY
from bmseg.viewer.packing import PackedImage
from bmseg.workspace import open_workspace
from dataset_conversion.images import Volume, read_volume, write_volume
from dataset_conversion.raw.dataset import RawDataset
from dataset_conversion.raw.exam import Exam
from tests.bmseg.reading_room.rooms_on_disk import AFFINE, AGES, EXAMS, ITEMS, options, write_folders
from tests.support.command_line import assert_refused, bmseg, printed_command
from tests.support.rooms import content, data, unpack_image, unpack_mask, without_data


def build(*words: object) -> str:
    result = bmseg("reading-room", "build", *words)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_no_byte_for_readers_names_exam_origin_or_age(room: Path) -> None:
    """Text by its words; volumes by being exactly as long as their voxels (test_packing.py)."""
    files = [path for path in (room / "for_readers").rglob("*") if path.is_file()]
    assert [path.name for path in files] == ["reading_room.html"]
    html = files[0].read_text()
    text = without_data(html).lower()
    words = [*EXAMS, *map(str, AGES.values()), "consensus", "nnunet", "knee", "cohort.csv", "reader1"]
    for word in words:
        assert word not in text, word
    shapes = [image["shape"] for image in content(html)["images"]]
    texts = data(html)
    for number, shape in enumerate(shapes):
        assert unpack_image(PackedImage(texts[f"image-{number}"], 0, 1), shape).size == np.prod(shape)
    for number, mask in enumerate(content(html)["masks"]):
        shape = shapes[mask["image"]]
        assert set(np.unique(unpack_mask(texts[f"mask-{number}"], shape))) <= {0, 1, 2, 3}
    assert set(content(html)) == {
        "build", "levels", "items", "anchors", "scale", "sides", "synthetic", "images", "masks",
    }  # fmt: skip


def test_the_key_is_apart_and_for_its_owner_alone(room: Path) -> None:
    key = room / "key.json"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    record = json.loads(key.read_text())
    assert record["items"] == ITEMS
    assert {(mask["exam"], mask["origin"]) for mask in record["masks"]} == {
        (exam, origin) for exam in EXAMS for origin in ("consensus", "nnunet")
    }
    assert record["exams"]["knee_086"] == {"slices": 6, "age": 13.9}
    assert record["build"] in (room / "for_readers" / "reading_room.html").read_text()


def test_the_key_tells_what_the_page_shows(room: Path, folders: Path) -> None:
    """Upright: the page's rows run from head to foot, its columns from the patient's right to the left."""
    html = (room / "for_readers" / "reading_room.html").read_text()
    found = content(html)
    for number, mask in enumerate(json.loads((room / "key.json").read_text())["masks"]):
        stored = read_volume(folders / mask["origin"] / f"{mask['exam']}.nii.gz").in_order("LIP").array
        shape = found["images"][found["masks"][number]["image"]]["shape"]
        assert np.array_equal(unpack_mask(data(html)[f"mask-{number}"], shape), stored)
    assert found["sides"] == ["R", "L"]
    assert found["images"][0]["pixel_mm"] == [0.9, 0.9]


def test_same_seed_same_page_other_seed_other_order(room: Path, folders: Path, tmp_path: Path) -> None:
    again, other = tmp_path / "again", tmp_path / "other"
    build(*options(folders, again), "--seed", 11)
    build(*options(folders, other), "--seed", 12)
    for name in ("for_readers/reading_room.html", "key.json"):
        assert (again / name).read_bytes() == (room / name).read_bytes()
    orders = [json.loads((folder / "key.json").read_text())["masks"] for folder in (room, other)]
    assert orders[0] != orders[1]
    assert sorted(map(str, orders[0])) == sorted(map(str, orders[1]))


def test_a_second_call_changes_nothing(room: Path, folders: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in room.rglob("*")}
    assert "already made from the same inputs" in build(*options(folders, room), "--seed", 11)
    assert {path: path.stat().st_mtime_ns for path in room.rglob("*")} == before


def test_the_key_of_another_page_is_never_written_over(room: Path, folders: Path, tmp_path: Path) -> None:
    out = tmp_path / "room"
    shutil.copytree(room, out)
    key = (out / "key.json").read_bytes()
    result = bmseg("reading-room", "build", *options(folders, out), "--seed", 12)
    assert_refused(result, "found the key of another page")
    assert (out / "key.json").read_bytes() == key
    # Nor when what says what it was made from is gone.
    (out / "provenance.json").unlink()
    assert_refused(bmseg("reading-room", "build", *options(folders, out), "--seed", 12), "another page")
    (out / "key.json").write_text("{broken")
    assert_refused(bmseg("reading-room", "build", *options(folders, out), "--seed", 12), "another page")


def test_an_image_without_masks_is_counted(folders: Path, tmp_path: Path) -> None:
    root = tmp_path / "masks"
    shutil.copytree(folders, root)
    shutil.copy(root / "images" / "knee_088_0000.nii.gz", root / "images" / "knee_090_0000.nii.gz")
    assert "not shown, without masks: 1 image: knee_090" in build(*options(root, tmp_path / "room"))


def test_a_damaged_page_is_written_again(room: Path, folders: Path, tmp_path: Path) -> None:
    out = tmp_path / "room"
    shutil.copytree(room, out)
    page = out / "for_readers" / "reading_room.html"
    whole = page.read_bytes()
    page.write_bytes(whole[:1000])
    build(*options(folders, out), "--seed", 11)
    assert page.read_bytes() == whole


@pytest.fixture
def workspace(folders: Path, tmp_path: Path) -> Path:
    """The same exams as a workspace after predict and evaluate."""
    root = tmp_path / "my workspace"
    place, study = open_workspace(root, create=True)
    dataset = RawDataset.create(place.nnunet_raw, study.dataset_spec)
    rows = []
    for exam in ("knee_001", *EXAMS):
        split = "training" if exam == "knee_001" else "test"
        source = EXAMS[0] if split == "training" else exam
        image = read_volume(folders / "images" / f"{source}_0000.nii.gz")
        mask = read_volume(folders / "consensus" / f"{source}.nii.gz")
        masks = dict.fromkeys(study.reader_names, mask)
        dataset.add(Exam(exam, split, {"water": image}, masks))  # type: ignore[arg-type]
        rows.append(
            {"exam": exam, "split": split, "age": AGES.get(exam, 10.0), "site": "Oslo", "synthetic": True}
        )
    dataset.finish(rows, seed=1)
    for exam in EXAMS:
        for model in ("nnunet", "unet"):
            mask = read_volume(folders / "nnunet" / f"{exam}.nii.gz").stored_as("coronal")
            write_volume(place.predictions(model) / f"{exam}.nii.gz", mask)
        consensus = read_volume(folders / "consensus" / f"{exam}.nii.gz").stored_as("coronal")
        write_volume(place.evaluation / "consensus" / f"{exam}.nii.gz", consensus)
        write_volume(place.evaluation / "yardstick" / f"{exam}.nii.gz", mask)
    rules = {"consensus_rule": "multilabel", "yardstick_rule": "map"}
    write_record(place.evaluation / "provenance.json", {"exams": EXAMS} | rules)
    return root


def test_a_workspace_shows_consensus_and_every_method(workspace: Path) -> None:
    said = build("-w", workspace)
    assert "9 masks of 3 exams: consensus, nnunet, unet" in said
    page = workspace / "reading_room" / "for_readers" / "reading_room.html"
    text = without_data(page.read_text()).lower()
    for word in (*EXAMS, "oslo", "unet", "consensus", "siemens", "13.9"):
        assert word not in text, word
    assert "synthetic cohort" in text
    build("-w", workspace, "--model", "unet", "-o", workspace / "other")
    key = json.loads((workspace / "other" / "key.json").read_text())
    assert {mask["origin"] for mask in key["masks"]} == {"consensus", "unet"}
    assert key["exams"]["knee_087"] == {"slices": 6, "age": 9.6}


def test_the_yardstick_is_shown_if_so_asked(workspace: Path) -> None:
    assert "consensus by the rule multilabel\n" in build("-w", workspace)
    words = ("-w", workspace, "--yardstick", "-o", workspace / "other")
    assert "consensus by the rule map, the yardstick's\n" in build(*words)
    keys = [json.loads((workspace / room / "key.json").read_text()) for room in ("reading_room", "other")]
    assert [key["rule"] for key in keys] == ["multilabel", "map"]
    assert keys[0]["build"] != keys[1]["build"]
    place, study = open_workspace(workspace)
    shown, usual = workspace_shown(place, yardstick=True), workspace_shown(place)
    for exam in EXAMS:
        # The workspace's yardstick is a copy of what the methods predicted.
        masks = shown.read(study, exam).masks
        assert np.array_equal(masks["consensus"], masks["unet"]), exam
        assert not np.array_equal(usual.read(study, exam).masks["consensus"], masks["unet"]), exam


def test_masks_that_were_replaced_since_are_refused(workspace: Path) -> None:
    file = workspace / "evaluation" / "provenance.json"
    masks = {exam: workspace / "predictions" / "unet" / f"{exam}.nii.gz" for exam in EXAMS}
    write_record(file, json.loads(file.read_text()) | {"masks_sha256": {"unet": files_hash(masks)}})
    build("-w", workspace)
    shutil.copy(workspace / "evaluation" / "consensus" / "knee_087.nii.gz", masks["knee_087"])
    assert_refused(
        bmseg("reading-room", "build", "-w", workspace, "-o", workspace / "other"),
        "masks: found others of unet than were evaluated, expected the same; run 'bmseg evaluate",
    )


def test_refused_in_a_workspace(workspace: Path) -> None:
    assert_refused(
        bmseg("reading-room", "build", "-w", workspace, "--model", "other"),
        "--model: found other, expected some of nnunet, unet",
    )
    assert_refused(
        bmseg("reading-room", "build", "-w", workspace, "--channel", "fat"), "found fat, expected water"
    )
    (workspace / "predictions" / "unet" / "knee_087.nii.gz").unlink()
    assert_refused(bmseg("reading-room", "build", "-w", workspace), "unet: missing knee_087")
    (workspace / "evaluation" / "provenance.json").unlink()
    result = bmseg("reading-room", "build", "-w", workspace)
    assert printed_command(result.stderr, "run first: ") == f"bmseg evaluate -w '{workspace}'"
    assert not (workspace / "reading_room").exists()


def test_refused_folders(folders: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = options(folders, out)
    assert_refused(
        bmseg("reading-room", "build", *words, "--study", without_scale(tmp_path)),
        "vas.acceptable_below: found none",
    )
    result = bmseg("reading-room", "build", "--images", folders / "images")
    assert result.returncode == 2
    assert "--images needs --consensus" in result.stderr
    result = bmseg("reading-room", "build", "--cohort", "cohort.csv")
    assert result.returncode == 2
    assert "only with --images" in result.stderr
    broken = tmp_path / "broken"
    write_folders(broken)
    mask = broken / "nnunet" / "knee_087.nii.gz"
    write_volume(mask, Volume(np.zeros((4, 4, 4), np.uint8), AFFINE))
    assert_refused(
        bmseg("reading-room", "build", *options(broken, out)), "size: found 4 x 4 x 4, expected 48 x 32"
    )
    mask.write_bytes(mask.read_bytes()[:50])
    assert_refused(bmseg("reading-room", "build", *options(broken, out)), "truncated or damaged")
    (broken / "images" / "knee_088_0000.nii.gz").unlink()
    assert_refused(bmseg("reading-room", "build", *options(broken, out)), "found none of knee_088")
    assert not out.exists()


def without_scale(folder: Path) -> Path:
    text = DEFAULT_STUDY.read_text().replace("[vas]\nacceptable_below = 5.0", "").split("[published]")[0]
    path = folder / "study.toml"
    path.write_text(text)
    return path
