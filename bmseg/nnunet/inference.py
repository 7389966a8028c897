"""Masks by nnU-Net's predictor in this process: loading trained folds, one exam, and what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bmseg.errors import WorkError
from bmseg.nnunet.models import FINAL
from bmseg.nnunet.training import Fold
from bmseg.outputs.provenance import file_hash
from dataset_conversion.images.volume import read_volume

#: Beside the masks: what each was predicted from.
MADE_FROM = "made_from.json"
#: Beside the masks: what is not yet whole.
UNFINISHED = ".partial"


def load_predictor(
    folder: Path, folds: Sequence[Fold], device: Any, *, mirroring: bool, tile_step: float
) -> Any:
    """nnU-Net's predictor with the networks of a model's folds.

    nnU-Net unpickles the checkpoints, and a pickle can run anything: only ever those that were trained in
    this workspace, or that `bmseg.sharing` has written anew.

    Parameters
    ----------
    folder : Path
        nnU-Net's folder of the model.
    folds : sequence of int or "all"
    device : torch.device
    mirroring : bool
        Average over mirrored slices.
    tile_step : float
        Distance of tiles as a fraction of the patch.
    """
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    from bmseg.trainers.cpu import CPUPredictor

    predictor = (CPUPredictor if device.type == "cpu" else nnUNetPredictor)(
        tile_step_size=tile_step,
        use_mirroring=mirroring,
        perform_everything_on_device=device.type == "cuda",
        device=device,
        allow_tqdm=False,
    )
    predictor.initialize_from_trained_model_folder(str(folder), use_folds=folds, checkpoint_name=FINAL)
    return predictor


def predict_exam(predictor: Any, folder: Path, exam: str, images: Sequence[Path], ending: str) -> Path:
    """Predict one exam into a folder.

    Raises
    ------
    WorkError
        When the mask is not on the grid of its image.
    """
    # In this process: nnU-Net's pools take longer to start than an exam takes to predict.
    folder.mkdir(parents=True, exist_ok=True)
    predictor.predict_from_files_sequential([[str(image) for image in images]], [str(folder / exam)])
    mask = folder / f"{exam}{ending}"
    if difference := read_volume(mask).grid.difference(read_volume(images[0]).grid):
        raise WorkError(f"{exam}: predicted mask: {difference} (the grid of {images[0]})")
    return mask


def is_kept(mask: Path, entry: Any, wanted: str) -> bool:
    """Whether a mask is the one that the record says was made from `wanted`."""
    if not isinstance(entry, dict) or entry.get("made_from") != wanted or not mask.is_file():
        return False
    return entry.get("mask") == file_hash(mask)
