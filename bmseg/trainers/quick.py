"""A trainer that learns something useful within minutes on two CPU cores."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from nnunetv2.training.data_augmentation.compute_initial_patch_size import get_patch_size
from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler

from bmseg.trainers.scheduled import after_augmentation, nnUNetTrainerScheduled

_ROTATION = np.deg2rad(15.0)
_SCALING = (0.85, 1.2)
_WEIGHT_DECAY = 1e-2

#: What the plans leave open; bmseg's own plans hold all of it.
DEFAULTS = {
    "epochs": 40,
    "iterations": 40,
    "validation_iterations": 4,
    "learning_rate": 3e-3,
    "foreground": 0.66,
}


class nnUNetTrainerQuick(nnUNetTrainerScheduled):  # noqa: N801 (nnU-Net's users know trainers by this form)
    """AdamW, no deep supervision, light augmentation, schedule from the plans.

    nnU-Net's SGD predicts nothing but background after a few hundred steps; AdamW has learned sparse
    levels by then. For 2-D configurations.
    """

    schedule: ClassVar[dict[str, Any]] = DEFAULTS
    deep_supervision: ClassVar[bool] = False

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, Any]:
        """AdamW with nnU-Net's polynomial decay."""
        optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=self.initial_lr, weight_decay=_WEIGHT_DECAY, fused=True
        )
        return optimizer, PolyLRScheduler(optimizer, self.initial_lr, self.num_epochs)

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self) -> tuple[Any, ...]:  # noqa: N802
        """Small rotations, and mirroring left to right only: what scans of limbs really vary by."""
        rotation = (-_ROTATION, _ROTATION)
        patch = self.configuration_manager.patch_size
        mirror_axes = (1,)
        self.inference_allowed_mirroring_axes = mirror_axes
        return rotation, False, get_patch_size(patch, rotation, (0, 0), (0, 0), _SCALING), mirror_axes

    @staticmethod
    def get_training_transforms(
        patch_size: Any,
        rotation_for_DA: Any,  # noqa: N803 (nnU-Net's name)
        deep_supervision_scales: list[Any] | None,
        mirror_axes: tuple[int, ...],
        do_dummy_2d_data_aug: bool,  # noqa: ARG004 (nnU-Net's signature)
        **kwargs: Any,
    ) -> BasicTransform:
        """Rotation, scaling and mirroring: ordinal levels are told apart by the very intensities."""
        augmentation = [
            SpatialTransform(
                patch_size,
                patch_center_dist_from_border=0,
                random_crop=False,
                p_elastic_deform=0,
                p_rotation=0.3,
                rotation=rotation_for_DA,
                p_scaling=0.3,
                scaling=_SCALING,
                p_synchronize_scaling_across_axes=1,
                bg_style_seg_sampling=False,
                border_mode_seg="constant",
                padding_value_seg=-1,
            ),
            MirrorTransform(allowed_axes=mirror_axes),
        ]
        return ComposeTransforms([*augmentation, after_augmentation(deep_supervision_scales, kwargs)])
