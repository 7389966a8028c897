"""Several readers' masks of the training exams, and their consensus, preprocessed beside nnU-Net's own.

nnU-Net has one mask an exam. The others go through its preprocessor with the same images, so that grid,
cropping and what it calls outside are the same, and lie where `bmseg.trainers.places` says. The consensus is
the study's yardstick, made by the code that makes what raters are scored against.
"""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from bmseg.errors import InputError
from bmseg.methods.variants import Masks
from bmseg.nnunet.environment import say
from bmseg.outputs.provenance import file_hash, read_record, value_hash, write_record
from bmseg.trainers.places import CONSENSUS, masks_folder, of_reader
from bmseg.wording import command
from bmseg.workspace import Workspace
from evaluation.statistics.words import plural


def has_several(workspace: Workspace) -> bool:
    """Whether readers beside the training reader drew training exams."""
    return any((workspace.raw_dataset / "readersTr").glob("*/[!.]*.nii.gz"))


def teachers_of(workspace: Workspace, exam: str) -> dict[str, Path]:
    """Reader to mask of a training exam; a second reading teaches only where there is nothing else."""
    found = workspace.dataset.training_masks(exam)
    readers = workspace.study.reader_names
    return {reader: path for reader, path in found.items() if reader in readers} or found


def taught_by(workspace: Workspace, masks: Masks) -> list[str]:
    """The readers whose masks teach, in study order."""
    spec = workspace.study.dataset_spec
    if masks == "reader":
        return [spec.training_reader]
    exams = workspace.dataset.exams("training")
    who = {reader for exam in exams for reader in teachers_of(workspace, exam)}
    return [reader for reader in spec.readers if reader in who]


def teaching_hash(workspace: Workspace, masks: Masks) -> str:
    """SHA-256 over the masks that teach beside nnU-Net's own: "" where these are the training reader's.

    InputError where the training exams have no masks of several readers, or labelsTr holds others than the
    training reader's and these alone are to teach.
    """
    if masks == "reader":
        if has_several(workspace):
            _check_labels(workspace)
        return ""
    if not has_several(workspace):
        simulate = command("phantom", "--training-readers", "all", workspace=workspace.root)
        raise InputError(
            f"{workspace.raw_dataset / 'readersTr'}: found no masks of training exams by several readers, "
            f"expected some for masks = {masks}; convert them, let the training reader teach (reader), or "
            f"simulate them ('{simulate}')"
        )
    found = {exam: _hashes(teachers_of(workspace, exam)) for exam in workspace.dataset.exams("training")}
    return value_hash([found, _rule(workspace) if masks == CONSENSUS else None])


def check_preprocessed(workspace: Workspace, folder: Path, plans_hash: str) -> None:
    """Refuse (InputError) masks that are not preprocessed, or from other exams, plans or rules.

    `folder` is nnU-Net's of preprocessed exams, `plans_hash` as of `preprocess_masks`.
    """
    place = masks_folder(folder)
    record = read_record(_record_of(place))
    if record.get("files") != _sizes(place) or record.get("exams") != _wanted(workspace, plans_hash):
        raise InputError(
            f"{place}: found no complete set of readers' masks of the present exams, expected one; plan "
            f"again ('{command('plan', workspace=workspace.root)}')"
        )


def preprocess_masks(
    workspace: Workspace, manager: Any, configuration: Any, dataset_json: dict[str, Any], plans_hash: str
) -> None:
    """Preprocess every reader's mask of the training exams, and the consensus; what is made is kept.

    `manager` and `configuration` are nnU-Net's of the plans; `plans_hash` is a hash of what preprocessing
    takes from them. An exam is made again where its images, a reader's mask or the rule changed.
    """
    place = masks_folder(workspace.preprocessed_dataset / configuration.data_identifier)
    if not has_several(workspace):
        shutil.rmtree(place, ignore_errors=True)
        _record_of(place).unlink(missing_ok=True)
        return
    record = read_record(_record_of(place))
    wanted, sizes = _wanted(workspace, plans_hash), _sizes(place)
    made, files = record.get("exams", {}), record.get("files", {})
    whole = {exam: [name for name in files if _exam_of(name) == exam] for exam in wanted}
    kept = {
        exam
        for exam, made_from in wanted.items()
        if made.get(exam) == made_from and all(sizes.get(name) == files[name] for name in whole[exam])
    }
    missing = [exam for exam in wanted if exam not in kept]
    if not missing and files == sizes:
        say("readers' masks: kept, masks and plans are the same")
        return
    # Until all of it is there, nothing is on record.
    _record_of(place).unlink(missing_ok=True)
    for name in sizes:
        if _exam_of(name) not in kept:
            (place / name).unlink()
    preprocessor = configuration.preprocessor_class(verbose=False)
    for exam in tqdm(missing, desc="readers' masks", unit="exam", disable=None):
        _preprocess(workspace, place, exam, preprocessor, manager, configuration, dataset_json)
    write_record(_record_of(place), {"exams": wanted, "files": _sizes(place)})
    rule = workspace.study.yardstick.rule
    say(
        f"readers' masks: {plural(len(missing), 'exam')} preprocessed, {len(kept)} kept; consensus by the "
        f"rule '{rule}'"
    )


def _preprocess(
    workspace: Workspace,
    place: Path,
    exam: str,
    preprocessor: Any,
    manager: Any,
    configuration: Any,
    dataset_json: dict[str, Any],
) -> None:
    """All masks of one exam at once, one channel each: nnU-Net treats channels alike."""
    from nnunetv2.training.dataloading.nnunet_dataset import comp_blosc2_params, nnUNetDatasetBlosc2

    from evaluation.study.consensuses import yardstick_mask

    spec, reader = workspace.study.dataset_spec, manager.image_reader_writer_class()
    # A mask of labelsTr is in nnU-Net's values already; what is as readers have it stays so.
    masks = {
        of_reader(name): spec.as_read(reader.read_seg(str(path))[0][0].astype(np.uint8))
        for name, path in teachers_of(workspace, exam).items()
    }
    masks[CONSENSUS] = yardstick_mask(workspace.study.design(), masks)
    stack = np.stack([spec.as_trained(mask) for mask in masks.values()]).astype(np.float32)
    data, properties = reader.read_images([str(path) for path in _images(workspace, exam)])
    _, channels, _ = preprocessor.run_case_npy(data, stack, properties, manager, configuration, dataset_json)
    labels = manager.get_label_manager(dataset_json)
    kinds = [*labels.foreground_labels, *([[-1, *labels.all_labels]] if labels.has_ignore_label else [])]
    for rater, mask in zip(masks, channels.astype(np.int16)[:, None], strict=True):
        (place / rater).mkdir(parents=True, exist_ok=True)
        # Where patches are centred: nnU-Net samples places of each label of one mask.
        places = preprocessor._sample_foreground_locations(mask, kinds)
        (place / rater / f"{exam}.pkl").write_bytes(pickle.dumps({"class_locations": places}))
        blocks, chunks = comp_blosc2_params(mask.shape, tuple(configuration.patch_size), mask.itemsize)
        file = str(place / rater / f"{exam}_seg")
        nnUNetDatasetBlosc2.save_seg(mask, file, chunks_seg=chunks, blocks_seg=blocks)


def _wanted(workspace: Workspace, plans_hash: str) -> dict[str, str]:
    """Training exam to what its masks are made from."""
    rule, spec = _rule(workspace), workspace.study.dataset_spec
    return {
        exam: value_hash([
            plans_hash, rule, spec.trained_labels, spec.ignore, _hashes(teachers_of(workspace, exam)),
            [file_hash(path) for path in _images(workspace, exam)],
        ])
        for exam in workspace.dataset.exams("training")
    }  # fmt: skip


def _images(workspace: Workspace, exam: str) -> list[Path]:
    dataset = workspace.dataset
    return [dataset.image_path(exam, "training", channel) for channel in dataset.spec.channels]


def _hashes(masks: Mapping[str, Path]) -> dict[str, str]:
    return {reader: file_hash(path) for reader, path in masks.items()}


def _rule(workspace: Workspace) -> list[str]:
    study = workspace.study
    return [study.yardstick.rule, study.scale]


def _check_labels(workspace: Workspace) -> None:
    """Refuse to let "the training reader's" masks teach where some of them are another's."""
    teacher, dataset = workspace.study.dataset_spec.training_reader, workspace.dataset
    lacking = [exam for exam in dataset.exams("training") if teacher not in dataset.training_masks(exam)]
    if lacking:
        raise InputError(
            f"masks: found reader, but {teacher} drew no mask of {plural(len(lacking), 'training exam')} "
            f"({lacking[0]}), expected one of each; let others teach too: consensus, all or soft"
        )


def _record_of(place: Path) -> Path:
    return place.with_name(f"bmseg_{place.name}.json")


def _exam_of(name: str) -> str:
    return Path(name).name.removesuffix(".pkl").removesuffix("_seg.b2nd")


def _sizes(place: Path) -> dict[str, int]:
    files = [path for path in sorted(place.rglob("*")) if path.is_file()]
    return {path.relative_to(place).as_posix(): path.stat().st_size for path in files}
