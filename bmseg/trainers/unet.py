"""A trainer for the vanilla U-Net inside nnU-Net: its data and prediction, nothing of its method."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from nnunetv2.training.loss.robust_ce_loss import RobustCrossEntropyLoss
from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler

from bmseg.trainers.scheduled import after_augmentation, nnUNetTrainerScheduled

# Left to right only: scans of limbs do not come upside down.
_FLIP_AXES = (1,)


class OfSurePixels(RobustCrossEntropyLoss):  # type: ignore[misc]
    """Cross-entropy over the pixels that are not ignored; 0, with no gradient, where all of them are."""

    #: See `bmseg.trainers.teachers.OfShares`.
    is_cross_entropy = True

    def forward(self, scores: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """nnU-Net's loss, which would be the mean of nothing."""
        if (target == self.ignore_index).all():
            return 0 * scores.sum()
        loss: torch.Tensor = super().forward(scores, target)
        return loss


class nnUNetTrainerUNet(nnUNetTrainerScheduled):  # noqa: N801 (nnU-Net's users know trainers by this form)
    """Cross-entropy, Adam at one learning rate, flips only, one output; schedule from the plans.

    Departures from Ronneberger et al. 2015: no weight map in the cross-entropy (it separates touching
    cells; levels touch by nature), Adam in place of stochastic gradient descent with momentum 0.99 and one
    image a step (see docs/howto/methods.md for what that learns in a short schedule), flips in place of
    elastic deformation. Patches are sampled as the plans say, for every method alike.
    """

    schedule: ClassVar[dict[str, Any]] = {"learning_rate": 1e-3}
    deep_supervision: ClassVar[bool] = False

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, Any]:
        """Adam; the exponent 0 keeps nnU-Net's polynomial schedule at its first value."""
        optimizer = torch.optim.Adam(self.network.parameters(), lr=self.initial_lr)
        return optimizer, PolyLRScheduler(optimizer, self.initial_lr, self.num_epochs, exponent=0)

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self) -> tuple[Any, ...]:  # noqa: N802
        """No rotation, so patches are read at their own size."""
        self.inference_allowed_mirroring_axes = None
        return (0.0, 0.0), False, tuple(self.configuration_manager.patch_size), _FLIP_AXES

    def set_deep_supervision_enabled(self, enabled: bool) -> None:
        """Nothing to switch: the U-Net has one output."""

    def _build_loss(self) -> torch.nn.Module:
        ignore = self.label_manager.ignore_label
        return RobustCrossEntropyLoss() if ignore is None else OfSurePixels(ignore_index=ignore)

    @staticmethod
    def get_training_transforms(
        patch_size: Any,  # noqa: ARG004 (nnU-Net's signature)
        rotation_for_DA: Any,  # noqa: N803, ARG004 (nnU-Net's name)
        deep_supervision_scales: list[Any] | None,
        mirror_axes: tuple[int, ...],
        do_dummy_2d_data_aug: bool,  # noqa: ARG004
        **kwargs: Any,
    ) -> BasicTransform:
        """Flips."""
        rest = after_augmentation(deep_supervision_scales, kwargs)
        return ComposeTransforms([MirrorTransform(allowed_axes=mirror_axes), rest])
