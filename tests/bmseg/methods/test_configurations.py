"""What methods add to nnU-Net's plans."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bmseg.methods import get_method
from bmseg.methods.configurations import small_nnunet, vanilla_unet

FEATURES = (16, 32, 64, 128, 256)


def parent(rows: float, columns: float) -> dict[str, Any]:
    return {
        "median_image_size_in_voxels": [rows, columns],
        "patch_size": [320, 320],
        "batch_size": 31,
        "architecture": {
            "network_class_name": "some.UNet",
            "arch_kwargs": {
                "n_stages": 7,
                "norm_op": "torch.nn.modules.instancenorm.InstanceNorm2d",
                "n_conv_per_stage": [2] * 7,
            },
        },
    }


@pytest.mark.parametrize(
    ("median", "patch", "stages"),
    [
        ((256, 384), [128, 160], 5),
        ((113, 99), [128, 112], 5),
        ((40, 200), [40, 160], 4),
        ((9, 9), [10, 10], 2),
        ((3, 300), [3, 160], 1),
    ],
)
def test_networks_fit_the_slices(median: tuple[int, int], patch: list[int], stages: int) -> None:
    given = parent(*median)
    before = copy.deepcopy(given)
    small = small_nnunet(given, features=FEATURES, patch=(128, 160), batch=4)
    unet = vanilla_unet(given, features=FEATURES, patch=(128, 160), batch=4)
    assert given == before
    for made in (small, unet):
        assert (made["patch_size"], made["batch_size"], made["inherits_from"]) == (patch, 4, "2d")
        assert made["architecture"]["arch_kwargs"]["features_per_stage"] == list(FEATURES[:stages])
    assert all(edge % 2 ** (stages - 1) == 0 for edge in patch)
    kwargs = small["architecture"]["arch_kwargs"]
    assert kwargs["n_stages"] == len(kwargs["strides"]) == len(kwargs["kernel_sizes"]) == stages
    assert kwargs["norm_op"] == "torch.nn.modules.batchnorm.BatchNorm2d"


def test_the_unet_takes_nnunets_patch_and_batch_where_none_is_given() -> None:
    made = vanilla_unet(parent(320, 310), features=(64, 128, 256, 512, 1024))
    assert (made["patch_size"], made["batch_size"]) == ([320, 320], 31)
    assert made["architecture"]["network_class_name"] == "bmseg.networks.unet.UNet"


def test_the_full_unet_is_the_papers() -> None:
    configure = get_method("unet").recipe("full").configure
    assert configure is not None
    kwargs = configure(parent(384, 384))["architecture"]["arch_kwargs"]
    assert kwargs == {"features_per_stage": [64, 128, 256, 512, 1024]}


def test_both_quick_networks_learn_from_the_same_patches() -> None:
    made = []
    for name in ("nnunet", "nnunet_resenc", "unet", "nnunet_ordinal"):
        configure = get_method(name).recipe("quick").configure
        assert configure is not None
        made.append(configure(parent(208, 192)))
    assert len({(tuple(one["patch_size"]), one["batch_size"]) for one in made}) == 1
