"""Write a trained model into one zip file.

Everything lies in nnU-Net's two folders (``Dataset501_X/Trainer__Plans__Configuration``), so that nnU-Net's
own ``nnUNetv2_install_pretrained_model_from_zip`` installs it as well.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.nnunet.environment import nnunet_environment
from bmseg.nnunet.models import FINAL, INPUTS, RECORD, TrainedModel, trained_model
from bmseg.nnunet.predict import check_current
from bmseg.nnunet.training import Fold, Training
from bmseg.outputs.provenance import file_hash, versions
from bmseg.outputs.records import read_record
from bmseg.sharing.manifest import (
    DATASET_FILE,
    MANIFEST,
    PLANS_FILE,
    SPLITS_FILE,
    STUDY_FILE,
    Entry,
    Manifest,
    Prediction,
    checkpoint_name,
)
from bmseg.sharing.scored import ScoredTables, scored_tables
from bmseg.study import load_study
from bmseg.untrusted.checkpoints import write_stripped
from bmseg.workspace import Workspace, kept_study
from dataset_conversion.files import atomic_path

ABOUT = (
    "A model made by bmseg. Load it only from a source you trust: "
    "bmseg predict --model FILE.zip IMAGES -o OUT --trust"
)

# The earliest that a zip can hold: equal models, equal files.
_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
# Of a finished training's record, what is not said elsewhere or only of use where it ran.
_NOT_SHARED = {"method", "profile", "parameters"}


def export_model(
    workspace: Workspace, training: Training, path: Path, *, folds: Sequence[Fold] | None = None
) -> tuple[Manifest, str]:
    """Write a trained model to a zip file: the same model, the same bytes.

    Checkpoints are stripped to what prediction needs. No image and no mask is in the file;
    ``splits_final.json`` holds the case identifiers of the training exams.

    Parameters
    ----------
    workspace : Workspace
    training : Training
        The method, under a profile; where several schedules were trained, the newest.
    path : Path
        Ends in ``.zip``; a file that is there is replaced when the new one is whole.
    folds : sequence of int or "all", optional
        By default every fold that was begun; all of them must be finished.

    Returns
    -------
    (Manifest, str)
        What was written, and why there are no test tables in it (empty where there are some).

    Raises
    ------
    InputError
        When there is no trained model, it was trained from other exams or plans than the workspace now
        holds, or the path does not end in ``.zip``.
    """
    if path.suffix.lower() != ".zip":
        raise InputError(f"{path}: found the ending '{path.suffix}', expected .zip; name the file model.zip")
    if path.is_dir():
        raise InputError(f"{path}: found a folder, expected the name of a file; name another")
    model = trained_model(workspace, training, folds)
    check_current(workspace, model)
    study_file = kept_study(workspace.root)
    tables = scored_tables(workspace, model, study_file)
    with _scratch(path) as scratch:
        files = _files(workspace, model, study_file, tables, scratch)
        manifest = _manifest(workspace, model, tables, files)
        text = manifest.model_dump_json(indent=2) + "\n"
        with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            folder = manifest.folder
            archive.writestr(_entry(f"{folder}/{MANIFEST}", len(text)), text)
            for name, file in files.items():
                entry = _entry(f"{folder}/{name}", file.stat().st_size)
                with file.open("rb") as source, archive.open(entry, "w") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
    return manifest, tables.why_not


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """A folder beside the file that is written, on the same disk."""
    folder = path.with_name(f".partial-{path.stem}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _files(
    workspace: Workspace, model: TrainedModel, study_file: Path, tables: ScoredTables, scratch: Path
) -> dict[str, Path]:
    """Name in the model's folder to the file that goes there."""
    files = {
        PLANS_FILE: model.folder / "plans.json",
        DATASET_FILE: model.folder / "dataset.json",
        SPLITS_FILE: workspace.preprocessed_dataset / "splits_final.json",
        STUDY_FILE: study_file,
    }
    # A study file names its printed tables: without them it is not whole.
    for published in load_study(study_file).published.files.values():
        name = Path(published).name
        files[f"study/{name}"] = study_file.parent / name
    files |= {f"evaluation/{name}": file for name, file in tables.files.items()}
    if missing := [str(file) for file in files.values() if not file.is_file()]:
        raise InputError(f"{missing[0]}: no such file, expected it beside the trained model; train again")
    with nnunet_environment(workspace, model.training.profile.device):
        for fold in model.folds:
            name = checkpoint_name(fold)
            (scratch / name).parent.mkdir()
            write_stripped(model.folder / f"fold_{fold}" / FINAL, scratch / name)
            files[name] = scratch / name
    return dict(sorted(files.items()))


def _manifest(
    workspace: Workspace, model: TrainedModel, tables: ScoredTables, files: Mapping[str, Path]
) -> Manifest:
    training = model.training
    trained = {str(fold): _trained(model.folder / f"fold_{fold}") for fold in model.folds}
    return Manifest(
        format=1,
        about=ABOUT,
        method=training.method.name,
        summary=training.method.summary,
        profile=training.profile.name,
        dataset=workspace.dataset_folder,
        model=model.folder.name,
        prediction=Prediction(
            trainer=model.folder.name.partition("__")[0],
            configuration=training.configuration,
            folds=list(model.folds),
            mirroring=training.recipe.mirroring,
            tile_step=training.profile.tile_step,
            device=training.profile.device,
        ),
        parameters=read_record(model.folder / f"fold_{model.folds[0]}" / RECORD)["parameters"],
        trained=trained,
        tested=tables.facts,
        versions=versions(),
        files={
            name: Entry(sha256=file_hash(file), bytes=file.stat().st_size) for name, file in files.items()
        },
    )


def _trained(folder: Path) -> dict[str, Any]:
    """What a fold was trained from, and took."""
    record = read_record(folder / RECORD)
    took = {name: value for name, value in record.items() if name not in _NOT_SHARED}
    return {**read_record(folder / INPUTS), **took}


def _entry(name: str, size: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.create_system = _UNIX
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    entry.file_size = size
    # Weights hardly shrink.
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(FINAL) else zipfile.ZIP_DEFLATED
    return entry
