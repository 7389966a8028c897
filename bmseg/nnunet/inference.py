"""The networks of a model in nnU-Net's predictor, the loop that predicts, and what is kept of masks."""

from __future__ import annotations

import inspect
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bmseg.errors import InputError, WorkError
from bmseg.nnunet.environment import say, trainer_class
from bmseg.nnunet.models import FINAL
from bmseg.nnunet.training import Fold
from bmseg.outputs import locked
from bmseg.outputs.provenance import file_hash, read_record, value_hash, versions, write_record
from dataset_conversion.images import read_volume


@dataclass(frozen=True, eq=False)
class Networks:
    """The networks of a model's folds, and what nnU-Net's predictor has to know of them.

    `folder` is nnU-Net's of the model, for plans and dataset.json. `weights` are those of each fold, by a
    name for messages; a tensor that a network has under several names may be there under the first alone.
    """

    folder: Path
    trainer: str
    configuration: str
    mirroring_axes: Sequence[int] | None
    weights: Mapping[str, Mapping[str, Any]]


def trained_networks(folder: Path, folds: Sequence[Fold]) -> Networks:
    """The networks of a model that was trained in this workspace, never of one from elsewhere.

    Checkpoints are pickles, and a pickle can run anything.
    """
    paths = [folder / f"fold_{fold}" / FINAL for fold in folds]
    checkpoints = {str(path): read_checkpoint(path) for path in paths}
    first = checkpoints[str(paths[0])]
    return Networks(
        folder,
        first["trainer_name"],
        first["init_args"]["configuration"],
        first.get("inference_allowed_mirroring_axes"),
        {path: checkpoint["network_weights"] for path, checkpoint in checkpoints.items()},
    )


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint of this workspace, unpickled."""
    import torch

    checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=False)
    return checkpoint


def first_names(tensors: Mapping[str, Any]) -> dict[str, str]:
    """Name to the first name of the same tensor; nnU-Net's networks have several for most."""
    first: dict[Any, str] = {}
    return {
        name: first.setdefault((tensor.data_ptr() or name, tensor.shape), name)
        for name, tensor in tensors.items()
    }


def load_predictor(networks: Networks, device: Any, *, mirroring: bool, tile_step: float) -> Any:
    """nnU-Net's predictor, on a torch device, with the networks of a model's folds.

    `mirroring` averages over mirrored slices; `tile_step` is the distance of tiles as a fraction of the
    patch. InputError when weights are not those of the network that the plans describe.
    """
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    from bmseg.trainers.cpu import CPUPredictor

    plans = PlansManager(str(networks.folder / "plans.json"))
    dataset_json = read_record(networks.folder / "dataset.json")
    configuration = plans.get_configuration(networks.configuration)
    network = _network(networks.trainer, plans, configuration, dataset_json)
    weights = [_complete(network, source, given) for source, given in networks.weights.items()]
    network.load_state_dict(weights[0])
    on_cpu = device.type == "cpu"
    predictor = (CPUPredictor if on_cpu else nnUNetPredictor)(
        tile_step_size=tile_step,
        use_mirroring=mirroring,
        perform_everything_on_device=not on_cpu,
        device=device,
        allow_tqdm=False,
    )
    predictor.manual_initialization(
        network, plans, configuration, weights, dataset_json, networks.trainer, networks.mirroring_axes
    )
    return predictor


def _network(trainer: str, plans: Any, configuration: Any, dataset_json: dict[str, Any]) -> Any:
    """The network that the plans describe, as nnU-Net's predictor builds it."""
    from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels

    channels = determine_num_input_channels(plans, configuration, dataset_json)
    outputs = plans.get_label_manager(dataset_json).num_segmentation_heads
    build = trainer_class(trainer).build_network_architecture
    if "plans_manager" in inspect.signature(build).parameters:
        described: tuple[Any, ...] = (plans, configuration)
    else:  # trainers written for nnU-Net before 2.8
        described = (
            configuration.network_arch_class_name,
            configuration.network_arch_init_kwargs,
            configuration.network_arch_init_kwargs_req_import,
        )
    return build(*described, channels, outputs, enable_deep_supervision=False)


def _complete(network: Any, source: str, weights: Mapping[str, Any]) -> dict[str, Any]:
    """Weights under every name that the network has for them, if they are this network's."""
    own = network.state_dict()
    first = first_names(own)
    if fault := _fault(own, set(first.values()), weights):
        raise InputError(
            f"{source}: {fault}, expected the tensors of the plans' network; export the model again"
        )
    return {name: weights[first[name]] for name in own}


def _fault(own: Mapping[str, Any], needed: set[str], weights: Mapping[str, Any]) -> str:
    if missing := sorted(needed - weights.keys()):
        return f"found no {missing[0]}"
    if more := sorted(weights.keys() - own.keys()):
        return f"found {more[0][:100]!r}"
    for name, tensor in weights.items():
        found, expected = ((one.dtype, tuple(one.shape)) for one in (tensor, own[name]))
        if found != expected:
            return f"{name}: found {found[0]} {found[1]} for {expected[0]} {expected[1]}"
    return ""


_MADE_FROM = "made_from.json"
# Of probabilities, as nnU-Net calls them.
_MAPS = ".npz"
_UNFINISHED, _LOCK = ".partial", ".lock"


class Masks:
    """The masks that one model makes in a folder, recorded there in made_from.json.

    Parameters
    ----------
    exams : mapping of str to sequence of Path
        Exam to its images in channel order.
    ending : str
        Of the masks' files.
    made_by : object of JSON types
        What a mask depends on beside its images.
    facts : mapping
        What the record says of the model; `recorded_model` is what it says so far.
    maps : bool
        Whether probabilities are kept beside each mask too, as nnU-Net writes them (``<exam>.npz``).
    """

    def __init__(
        self,
        folder: Path,
        exams: Mapping[str, Sequence[Path]],
        ending: str,
        *,
        made_by: Any,
        facts: Mapping[str, Any],
        maps: bool = False,
    ) -> None:
        found = read_record(folder / _MADE_FROM)
        self.maps = maps
        self.folder, self.ending, self.facts = folder, ending, facts
        # Of a damaged record nothing is taken.
        model, masks = (found.get(name, {}) for name in ("model", "masks"))
        self.recorded_model: dict[str, Any] = model if isinstance(model, dict) else {}
        known = masks.items() if isinstance(masks, dict) else ()
        self.record = {exam: entry for exam, entry in known if isinstance(entry, dict)}
        self._wanted = {
            exam: value_hash([made_by, [file_hash(path) for path in paths]]) for exam, paths in exams.items()
        }

    def path(self, exam: str) -> Path:
        """Where an exam's mask lies."""
        return self.folder / f"{exam}{self.ending}"

    def map_path(self, exam: str) -> Path:
        """Where an exam's probabilities lie, if they were kept."""
        return self.folder / f"{exam}{_MAPS}"

    def is_unchanged(self, exam: str) -> bool:
        """Whether an exam's mask, and its probabilities where they are wanted, are there as recorded."""
        known = {"mask": self.path(exam)} | ({"probabilities": self.map_path(exam)} if self.maps else {})
        entry = self.record.get(exam, {})
        return all(path.is_file() and entry.get(what) == file_hash(path) for what, path in known.items())

    def is_current(self, exam: str) -> bool:
        """Whether an exam's mask was made by this model from these images, and is unchanged."""
        return self.record.get(exam, {}).get("made_from") == self._wanted[exam] and self.is_unchanged(exam)

    def missing(self) -> list[str]:
        """The exams that are to be predicted; says how many are not."""
        missing = [exam for exam in self._wanted if not self.is_current(exam)]
        if kept := len(self._wanted) - len(missing):
            say(f"prediction: {kept} of {len(self._wanted)} masks kept, made by the same model")
        return missing

    def predict(
        self,
        predictor: Any,
        images: Mapping[str, Sequence[Path]],
        unfinished: Path,
        finish: Callable[[str, Path], Path] = lambda _, mask: mask,
    ) -> list[Path]:
        """Predict exams; each mask appears whole, and is on record before it appears.

        Parameters
        ----------
        predictor : nnUNetPredictor
        images : mapping of str to sequence of Path
            What nnU-Net is to read for each exam.
        unfinished : Path
            A folder on the same disk.
        finish : callable, optional
            Takes exam and predicted mask, and gives the mask that is to be kept.
        """
        written = []
        for exam, paths in tqdm(images.items(), desc="predicting", unit="exam", disable=None):
            begin = time.perf_counter()
            folder = unfinished / "masks"
            made = finish(exam, predict_exam(predictor, folder, exam, paths, self.ending, maps=self.maps))
            kept = folder / f"{exam}{_MAPS}"
            self.record[exam] = {
                "made_from": self._wanted[exam],
                "mask": file_hash(made),
                **({"probabilities": file_hash(kept)} if self.maps else {}),
                "seconds": round(time.perf_counter() - begin, 2),
                "device": predictor.device.type,
            }
            # A kill in between leaves no mask, or the one that the record tells of.
            for path in (self.path(exam), self.map_path(exam)):
                path.unlink(missing_ok=True)
            written_by = {"model": self.facts, "versions": versions()}
            write_record(self.folder / _MADE_FROM, {"masks": self.record, **written_by})
            if self.maps:
                kept.replace(self.map_path(exam))
            written.append(made.replace(self.path(exam)))
        return written


@contextmanager
def unfinished_in(folder: Path) -> Iterator[Path]:
    """A folder inside another for what is not yet whole; without any result, neither stays.

    One process at a time; another waits.
    """
    inside = folder.resolve() / _UNFINISHED
    with locked(folder / _LOCK, f"masks in {folder}"):
        shutil.rmtree(inside, ignore_errors=True)
        inside.mkdir(parents=True)
        try:
            yield inside
        finally:
            shutil.rmtree(inside, ignore_errors=True)


def predict_exam(
    predictor: Any, folder: Path, exam: str, images: Sequence[Path], ending: str, *, maps: bool = False
) -> Path:
    """Predict one exam into a folder, in this process: nnU-Net's pools take longer to start than an exam.

    With `maps` its probabilities lie there too, as ``<exam>.npz``.

    WorkError when the mask is not on the grid of its image.
    """
    folder.mkdir(parents=True, exist_ok=True)
    predictor.predict_from_files_sequential(
        [[str(image) for image in images]], [str(folder / exam)], save_probabilities=maps
    )
    mask = folder / f"{exam}{ending}"
    if difference := read_volume(mask).grid.difference(read_volume(images[0]).grid):
        raise WorkError(f"{exam}: predicted mask: {difference} (the grid of {images[0]})")
    return mask
