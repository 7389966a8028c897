"""Configurations for nnU-Net's plans that share the preprocessing of its own ``2d``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

# A resolution with fewer pixels than this along an edge is left out.
_SMALLEST_EDGE = 4

# nnU-Net's instance normalisation measures a small patch against itself, so that its brightest spot looks
# like a high level whatever it is; batch normalisation keeps the exam's scale.
_NORMALISATION = "torch.nn.modules.batchnorm.BatchNorm2d"

_RESIDUAL = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet"


def small_nnunet(
    parent: Mapping[str, Any], *, features: Sequence[int], patch: tuple[int, int], batch: int
) -> dict[str, Any]:
    """A network of nnU-Net's kind that is small enough for a CPU.

    Parameters
    ----------
    parent : mapping
        The plans' configuration ``2d``.
    features : sequence of int
        Feature maps of each resolution, finest first; fewer resolutions are used for small slices.
    patch : (rows, columns)
        Pixels of a training patch at most: it is no larger than the data set's median slice, and divisible
        by the network's stride.
    batch : int
        Patches in a training step.
    """
    stages, fitted = _fitted(parent, len(features), patch)
    architecture = json.loads(json.dumps(parent["architecture"]))
    architecture["arch_kwargs"] |= {
        "n_stages": stages,
        "features_per_stage": list(features[:stages]),
        "kernel_sizes": [[3, 3]] * stages,
        "strides": [[1, 1]] + [[2, 2]] * (stages - 1),
        "n_conv_per_stage": [2] * stages,
        "n_conv_per_stage_decoder": [1] * (stages - 1),
        "norm_op": _NORMALISATION,
    }
    return _inheriting(fitted, batch, architecture)


def small_residual(parent: Mapping[str, Any], *, blocks: Sequence[int], **size: Any) -> dict[str, Any]:
    """`small_nnunet` with a residual encoder, of so many blocks a resolution, in place of its plain one."""
    made = small_nnunet(parent, **size)
    architecture = made["architecture"]
    architecture["network_class_name"] = _RESIDUAL
    keywords = architecture["arch_kwargs"]
    del keywords["n_conv_per_stage"]
    keywords["n_blocks_per_stage"] = list(blocks[: keywords["n_stages"]])
    return made


def vanilla_unet(
    parent: Mapping[str, Any],
    *,
    features: Sequence[int],
    patch: tuple[int, int] | None = None,
    batch: int | None = None,
) -> dict[str, Any]:
    """The U-Net of `bmseg.networks.unet`; parameters and result are those of `small_nnunet`.

    Without `patch` and `batch`, those that nnU-Net planned.
    """
    rows, columns = parent["patch_size"]
    stages, fitted = _fitted(parent, len(features), patch or (rows, columns))
    architecture = {
        "network_class_name": "bmseg.networks.unet.UNet",
        "arch_kwargs": {"features_per_stage": list(features[:stages])},
        "_kw_requires_import": [],
    }
    return _inheriting(fitted, batch or parent["batch_size"], architecture)


def _inheriting(patch: list[int], batch: int, architecture: dict[str, Any]) -> dict[str, Any]:
    return {"inherits_from": "2d", "batch_size": batch, "patch_size": patch, "architecture": architecture}


def _fitted(
    parent: Mapping[str, Any], most_stages: int, most_pixels: tuple[int, int]
) -> tuple[int, list[int]]:
    """Number of resolutions and patch that suit the data set's median slice."""
    median = [round(edge) for edge in parent["median_image_size_in_voxels"]]
    edge = min(*median, *most_pixels)
    stages = most_stages
    while stages > 1 and edge // 2 ** (stages - 1) < _SMALLEST_EDGE:
        stages -= 1
    stride = 2 ** (stages - 1)
    patch = [
        -(-min(wanted, found) // stride) * stride for wanted, found in zip(most_pixels, median, strict=True)
    ]
    return stages, patch
