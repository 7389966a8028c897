"""The networks of a trained model in nnU-Net's predictor, whether trained here or read from a model file."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.nnunet.models import FINAL
from bmseg.nnunet.training import Fold
from bmseg.outputs.records import read_record


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
    """nnU-Net's predictor with the networks of a model's folds.

    Parameters
    ----------
    networks : Networks
    device : torch.device
    mirroring : bool
        Average over mirrored slices.
    tile_step : float
        Distance of tiles as a fraction of the patch.

    Raises
    ------
    InputError
        When weights are not those of the network that the plans describe.
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
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name
    from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels

    channels = determine_num_input_channels(plans, configuration, dataset_json)
    outputs = plans.get_label_manager(dataset_json).num_segmentation_heads
    build = recursive_find_trainer_class_by_name(trainer).build_network_architecture
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
