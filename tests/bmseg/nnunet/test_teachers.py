"""Readers' masks and their consensus are preprocessed, teach, and are on record as teachers."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

from bmseg.errors import InputError
from bmseg.methods import Method
from bmseg.nnunet import Training, plan, predict, train
from bmseg.nnunet.models import INPUTS, RECORD, check_inputs, data_inputs, training_inputs
from bmseg.nnunet.plan import plans_of
from bmseg.nnunet.teachers import taught_by, teachers_of, teaching_hash
from bmseg.nnunet.training import training_hash
from bmseg.outputs import read_record
from bmseg.scoring.lineage import taught_in
from bmseg.status.learned import Trained, data
from bmseg.status.learned import plan as planned_stage
from bmseg.trainers.places import CONSENSUS, masks_folder, of_reader, raters_of
from bmseg.workspace import Workspace
from dataset_conversion.files import write_text
from dataset_conversion.images import read_volume, write_volume
from tests.bmseg.nnunet.several import DREW, READERS, study_file, write_several
from tests.bmseg.nnunet.tiny import (
    METHOD,
    METHODS,
    ORDINAL,
    PROFILE,
    RECIPE,
    SPEC,
    copied,
    losses,
    same_weights,
)
from tests.support.command_line import assert_refused, bmseg
from tests.support.once import made_once

SHORT = replace(PROFILE, epochs=2, iterations=2)
#: nnU-Net's own trainer where one reader teaches, with its deep supervision.
FULL = Method(
    "tiny_full",
    "nnU-Net's own trainer",
    {
        "quick": replace(
            RECIPE, trainer="nnUNetTrainer",
            trainer_with_schedule="bmseg.trainers.scheduled.nnUNetTrainerScheduled",
        )
    },
)  # fmt: skip
ALL = Training.of(METHOD, SHORT, masks="all")


@pytest.fixture(scope="session")
def several_once(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    def make(root: Path) -> None:
        workspace = Workspace(root, SPEC.folder_name)
        write_several(workspace)
        plan(workspace, PROFILE, METHODS)

    return Workspace(made_once(tmp_path_factory, "several", make), SPEC.folder_name)


@pytest.fixture
def several(several_once: Workspace, tmp_path: Path, figure: Any) -> Workspace:  # noqa: ARG001
    return copied(several_once, tmp_path / "workspace")


def folder_of(workspace: Workspace) -> Path:
    return workspace.preprocessed_dataset / "nnUNetPlans_2d"


def preprocessed(path: Path) -> tuple[np.ndarray, Any]:
    import blosc2
    from batchgenerators.utilities.file_and_folder_operations import load_pickle

    mask = blosc2.open(urlpath=f"{path}_seg.b2nd", mode="r")[:]
    return mask, load_pickle(f"{path}.pkl")["class_locations"]


def test_each_mask_is_what_nnunets_preprocessor_makes_of_it(several_once: Workspace, tmp_path: Path) -> None:
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    place, dataset = masks_folder(folder_of(several_once)), several_once.dataset
    for exam, readers in DREW.items():
        assert raters_of(place, exam) == [of_reader(reader) for reader in readers]
    manager = PlansManager(plans_of(several_once))
    configuration = manager.get_configuration("2d")
    dataset_json = read_record(several_once.preprocessed_dataset / "dataset.json")
    image = str(dataset.image_path("knee_2", "training", "water"))
    for reader in DREW["knee_2"]:
        preprocessor = configuration.preprocessor_class(verbose=False)
        label = str(dataset.teachers_path("knee_2", reader))
        preprocessor.run_case_save(
            str(tmp_path / reader), [image], label, manager, configuration, dataset_json
        )
        theirs, ours = (
            preprocessed(path) for path in (tmp_path / reader, place / of_reader(reader) / "knee_2")
        )
        assert (theirs[0] == -1).any()
        np.testing.assert_array_equal(ours[0], theirs[0])
        assert ours[1].keys() == theirs[1].keys()
        for label_value, where in theirs[1].items():
            np.testing.assert_array_equal(ours[1][label_value], where)
    # The mask of whoever has labelsTr is nnU-Net's own.
    own = preprocessed(folder_of(several_once) / "knee_2")[0]
    np.testing.assert_array_equal(own, preprocessed(place / of_reader("reader2") / "knee_2")[0])


def test_one_readers_mask_is_the_consensus_and_of_three_it_lies_between(several_once: Workspace) -> None:
    place = masks_folder(folder_of(several_once))
    alone, agreed = (preprocessed(place / who / "knee_1")[0] for who in (of_reader("reader1"), CONSENSUS))
    np.testing.assert_array_equal(alone, agreed)
    one, two, three = (preprocessed(place / of_reader(reader) / "knee_0")[0] for reader in READERS)
    agreed = preprocessed(place / CONSENSUS / "knee_0")[0]
    # Reader2 marks least and reader3 most, each within the next.
    assert ((two <= agreed) & (agreed <= three)).all()
    assert (one == agreed).mean() > 0.9


def changed_files(folder: Path, before: dict[Path, int]) -> set[str]:
    now = {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")}
    return {path.relative_to(folder).as_posix() for path, time in now.items() if before.get(path) != time}


def test_a_changed_mask_is_preprocessed_again_and_no_other_exam(several: Workspace) -> None:
    place = masks_folder(folder_of(several))
    before = {path: path.stat().st_mtime_ns for path in place.rglob("*.*")}
    usual, teaching = training_hash(several), teaching_hash(several, "all")
    path = several.dataset.teachers_path("knee_3", "reader3")
    mask = read_volume(path)
    array = mask.array.copy()
    array[20:30] = 2
    write_volume(path, replace(mask, array=array))
    assert training_hash(several) == usual
    assert teaching_hash(several, "all") != teaching
    with pytest.raises(InputError, match="found no complete set of readers' masks .*; plan again"):
        train(several, ALL, seed=1)
    on = Trained(usual, ())
    assert planned_stage(several, on).why == (
        "other readers' masks of training exams are not preprocessed, or are others now"
    )
    plan(several, PROFILE, METHODS)
    assert planned_stage(several, on).state == "there"
    raters = [CONSENSUS, of_reader("reader1"), of_reader("reader3")]
    assert changed_files(place, before) == {
        f"{rater}/knee_3{ending}" for rater in raters for ending in (".pkl", "_seg.b2nd")
    }
    found = preprocessed(place / of_reader("reader3") / "knee_3")[0]
    assert (found == 2).sum() > 500
    # A mask that is taken back goes, and a file that is damaged is made again.
    path.unlink()
    (place / CONSENSUS / "knee_0.pkl").write_bytes(b"")
    plan(several, PROFILE, METHODS)
    assert raters_of(place, "knee_3") == [of_reader("reader1")]
    assert preprocessed(place / CONSENSUS / "knee_0")[1]


def test_another_rule_of_the_yardstick_makes_another_consensus(several: Workspace) -> None:
    hashes = {masks: teaching_hash(several, masks) for masks in ("consensus", "all")}
    text = study_file().replace('rule = "map"\n\n[scores]', 'rule = "majority"\n\n[scores]')
    assert text != study_file()
    write_text(several.study_file, text)
    changed = Workspace(several.root, several.dataset_folder)
    assert teaching_hash(changed, "all") == hashes["all"]
    assert teaching_hash(changed, "consensus") != hashes["consensus"]


def test_second_readings_do_not_teach_beside_the_first(several: Workspace) -> None:
    write_text(several.study_file, study_file() + '\n[[readers]]\nname = "again"\nrepeat_of = "reader1"\n')
    changed = Workspace(several.root, several.dataset_folder)
    first = changed.dataset.teachers_path("knee_0", "reader1")
    again = changed.dataset.teachers_path("knee_0", "again")
    again.parent.mkdir(parents=True)
    shutil.copyfile(first, again)
    assert list(teachers_of(changed, "knee_0")) == [*READERS]
    assert taught_by(changed, "all") == [*READERS]


@pytest.mark.parametrize("masks", ["consensus", "all", "soft"])
def test_all_of_them_teach_and_are_on_record(several: Workspace, masks: Any) -> None:
    training = Training.of(METHOD, SHORT, masks=masks)
    train(several, training, seed=1)
    folder = training.fold_folder(several, 0)
    assert folder.is_relative_to(several.nnunet_results / masks)
    assert read_record(folder / RECORD)["taught_by"] == [*READERS]
    inputs = read_record(folder / INPUTS)["inputs"]
    assert inputs["masks"] == masks
    assert inputs["readers' masks"] == teaching_hash(several, masks)
    assert np.isfinite(losses(folder)).all()
    predict(several, training)
    assert taught_in(several, [f"tiny_{masks}"]) == {f"tiny_{masks}": [*READERS]}


def test_the_same_seed_draws_the_same_readers(several: Workspace) -> None:
    folders = []
    for number in range(2):
        train(several, ALL, seed=1, restart=True)
        folders.append(ALL.fold_folder(several, 0).rename(several.root / f"network_{number}"))
    assert same_weights(*folders)


@pytest.mark.parametrize("method", [FULL, ORDINAL])
def test_other_trainers_learn_shares_too(several: Workspace, method: Method) -> None:
    training = Training.of(method, SHORT, masks="soft")
    if method is FULL:
        assert Training.of(method, SHORT).trainer == "nnUNetTrainer"
        assert training.trainer == "nnUNetTrainerScheduled"
    train(several, training, seed=1)
    assert np.isfinite(losses(training.fold_folder(several, 0))).all()


def test_the_study_says_whose_masks_teach_the_usual_network(several: Workspace) -> None:
    usual = Training.of(METHOD, SHORT)
    train(several, usual, seed=1)
    folder = usual.fold_folder(several, 0)
    assert folder.parents[2] == several.nnunet_results
    assert read_record(folder / INPUTS)["inputs"]["masks"] == "all"
    assert read_record(folder / RECORD)["taught_by"] == [*READERS]
    write_text(several.study_file, study_file("soft"))
    changed = Workspace(several.root, several.dataset_folder)
    with pytest.raises(InputError, match=r"found a training from other inputs \(masks all, now soft\)"):
        train(changed, usual, seed=1)
    # A mask that changed, a study that says the training reader, and a data set of which nothing is known.
    trained_from = data_inputs(changed, usual, 0)
    check_inputs(folder, {})
    assert trained_from["readers' masks"] == read_record(folder / INPUTS)["inputs"]["readers' masks"]
    with pytest.raises(InputError, match="found a training from other inputs .readers' masks "):
        check_inputs(folder, {name: value for name, value in trained_from.items() if "masks" not in name})


def test_one_reader_teaches_alone_only_where_every_exam_has_that_mask(several: Workspace) -> None:
    training = Training.of(METHOD, SHORT, masks="reader")
    with pytest.raises(
        InputError,
        match=r"masks: found reader, but reader1 drew no mask of 1 training exam \(knee_2\)",
    ):
        train(several, training, seed=1)
    several.dataset.teachers_path("knee_2", "reader2").rename(
        several.dataset.teachers_path("knee_2", "reader1")
    )
    inputs = training_inputs(several, training, 0, seed=1, deterministic=False)
    # As in a workspace that never heard of other teachers.
    assert not {"masks", "readers' masks"} & set(inputs)


def test_without_other_readers_masks_there_is_nobody_else_to_learn_from(several: Workspace) -> None:
    shutil.rmtree(several.raw_dataset / "readersTr")
    with pytest.raises(InputError, match=r"readersTr: found no masks of training exams by several readers"):
        train(several, ALL, seed=1)
    plan(several, PROFILE, METHODS)
    assert not masks_folder(folder_of(several)).exists()


def test_a_trainer_that_knows_one_mask_an_exam_is_refused(several: Workspace) -> None:
    own = Method("own", "nnU-Net's own", {"quick": replace(RECIPE, trainer="nnUNetTrainer")})
    with pytest.raises(InputError, match="masks: found all for method own, whose trainer"):
        train(several, Training.of(own, SHORT, masks="all"), seed=1)


def test_commands_take_whose_masks_teach(several: Workspace) -> None:
    """The small workspace has no plan of ``nnunet``: what is refused says who was to be trained."""
    named = "found no configuration '2d_quick', expected the one of method nnunet_soft under"
    for words in (["nnunet", "--masks", "soft"], ["nnunet_soft"]):
        assert_refused(bmseg("train", *words, "-w", several.root), named)
    assert_refused(
        bmseg("phantom", "--training-readers", "reader1,anna", "-w", several.root / "new", "--training", 1),
        "--training-readers: found anna, expected some of reader1, reader2, reader3, reader4",
    )
    assert "training masks of reader1, reader2, reader3" in data(several).found
