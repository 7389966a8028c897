"""Masks of the training exams, each by the network of the fold that had not seen the exam."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bmseg.nnunet.environment import predicting, say
from bmseg.nnunet.inference import load_predictor, predict_exam, trained_networks, unfinished_in
from bmseg.nnunet.models import TrainedModel
from bmseg.nnunet.training import Fold, exams_of_fold
from bmseg.outputs.provenance import files_hash, read_record, value_hash, write_record
from bmseg.workspace import Workspace
from evaluation.statistics.words import plural

#: What masks were made from, beside them.
MADE_FROM = "made_from.json"
#: nnU-Net's files of a mask with its probabilities.
PARTS = (".nii.gz", ".npz", ".pkl")


def cross_validate(
    workspace: Workspace, model: TrainedModel, images: Mapping[str, list[Path]], *, deterministic: bool
) -> int:
    """Predict the validation exams of every fold, with probabilities, where nnU-Net looks for them.

    `images` are those of the training exams. What was made by the same network of the same images is kept.
    How many exams there are is answered.
    """
    splits, training = workspace.preprocessed_dataset / "splits_final.json", model.training
    checkpoints = model.checkpoints()
    wanted = {fold: sorted(exams_of_fold(splits, fold)["val"]) for fold in model.folds}
    log = model.folder / "bmseg_predict.log"
    for fold, exams in wanted.items():
        folder = model.folder / f"fold_{fold}" / "validation"
        sources = {f"{exam}/{place}": path for exam in exams for place, path in enumerate(images[exam])}
        made_from = value_hash(
            [
                checkpoints[str(fold)],
                files_hash(sources),
                training.recipe.mirroring,
                training.profile.tile_step,
            ]
        )
        with unfinished_in(folder) as unfinished:
            if read_record(folder / MADE_FROM) == {"made_from": made_from, "files": _sizes(folder)}:
                say(f"validation: kept, of fold {fold} of {training.name}")
                continue
            say(f"validation: {plural(len(exams), 'exam')} by fold {fold} of {training.name}")
            for path in _made(folder):
                path.unlink()
            with predicting(workspace, training.profile.device, log, deterministic=deterministic) as device:
                predictor = predictor_of(model, [fold], device)
                for exam in exams:
                    predict_exam(predictor, unfinished, exam, images[exam], PARTS[0], maps=True)
                    for part in PARTS:
                        (unfinished / f"{exam}{part}").replace(folder / f"{exam}{part}")
            write_record(folder / MADE_FROM, {"made_from": made_from, "files": _sizes(folder)})
    return sum(map(len, wanted.values()))


def predictor_of(model: TrainedModel, folds: Sequence[Fold], device: Any) -> Any:
    """nnU-Net's predictor with the networks of some folds, as the method predicts."""
    training = model.training
    return load_predictor(
        trained_networks(model.folder, folds), device, mirroring=training.recipe.mirroring,
        tile_step=training.profile.tile_step,
    )  # fmt: skip


def _made(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.glob("[!.]*")) if path.name.endswith(PARTS))


def _sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in _made(folder)}
