"""Learning from several readers' masks of an exam: data sets for nnU-Net's loader, and a loss of vote shares.

What is called ``all`` is label sampling: each time an exam is drawn, one of its readers is, and the network
sees that mask (Jensen et al., MICCAI workshop 2019, "Improving uncertainty estimation in convolutional neural
networks using inter-rater agreement"). What is called ``soft`` learns from the share of readers who gave
each label, all at once (Gros et al., Medical Image Analysis 2021, "SoftSeg"). Neither paper was opened; from
SoftSeg it differs: there is no normalised ReLU and no wing loss, nnU-Net's own losses are taken.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import blosc2
import numpy as np
import torch
from batchgenerators.utilities.file_and_folder_operations import load_pickle
from batchgeneratorsv2.transforms.base.basic_transform import SegOnlyTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import DownsampleSegForDSTransform
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2
from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
from nnunetv2.training.loss.robust_ce_loss import RobustCrossEntropyLoss
from torch import nn

from bmseg.errors import InputError
from bmseg.trainers.places import CONSENSUS, masks_folder, raters_of


class TaughtExams(nnUNetDatasetBlosc2):  # type: ignore[misc]
    """nnU-Net's preprocessed exams, with other masks than its own.

    Parameters
    ----------
    folder : str
        nnU-Net's, of preprocessed exams.
    identifiers : list of str
    masks : "consensus", "all" or "soft"
        Which mask an exam comes with: the consensus; that of one of its own readers, drawn anew each time;
        or all of theirs, one channel each, where a patch is centred by those of one, drawn anew each time.
    """

    def __init__(self, folder: str, identifiers: list[str], masks: str) -> None:
        super().__init__(folder, identifiers)
        self.masks, self.place = masks, masks_folder(folder)
        own = {
            exam: [CONSENSUS] if masks == CONSENSUS else raters_of(self.place, exam) for exam in identifiers
        }
        if without := [exam for exam, raters in own.items() if not raters]:
            raise InputError(
                f"{self.place}: exam {without[0]}: found no mask, expected one at least; plan again"
            )
        self.raters = own

    def load_case(self, identifier: str) -> tuple[Any, Any, None, dict[str, Any]]:
        """Image, mask, nothing, and properties, as nnU-Net's loader takes them."""
        raters = self.raters[identifier]
        # Where there is no choice nothing is drawn. NumPy's generator is the one that the loader draws from.
        drawn = raters[np.random.randint(len(raters))] if len(raters) > 1 else raters[0]
        image, mask, properties = self.opened(identifier, drawn)
        if self.masks == "soft":
            mask = Stacked([self.opened(identifier, rater)[1] for rater in raters])
        return image, mask, None, properties

    def opened(self, identifier: str, rater: str) -> tuple[Any, Any, dict[str, Any]]:
        """Image, a rater's mask, and properties with the places of the labels in it."""
        image, _, _, properties = super().load_case(identifier)
        path = self.place / rater / f"{identifier}_seg.b2nd"
        mask = blosc2.open(urlpath=str(path), mode="r", dparams={"nthreads": 1}, **self.mmap_kwargs)
        return image, mask, {**properties, **load_pickle(str(path.with_name(f"{identifier}.pkl")))}


class Stacked:
    """Masks of one exam on disk, each of shape (1, z, y, x), as one of as many channels; read by slices."""

    def __init__(self, masks: list[Any]) -> None:
        self.masks = masks
        self.shape = (len(masks), *masks[0].shape[1:])

    def __getitem__(self, where: Any) -> np.ndarray:
        return np.concatenate([mask[where] for mask in self.masks])


class ToShares(SegOnlyTransform):  # type: ignore[misc]
    """Of readers' masks, one channel each, the share of the readers with each label, float32.

    A channel for background and each label, which sum to 1; or one a region, the share of readers who are
    in it. Readers who were unsure of a pixel (`ignored`) are not counted there; where all were, every
    label has 0, and of regions a last channel, which nnU-Net expects, is 1.
    """

    def __init__(self, labels: list[int], regions: list[Any] | None, ignored: int | None) -> None:
        super().__init__()
        kinds = labels if regions is None else regions
        self.kinds = [kind if isinstance(kind, tuple | list) else (kind,) for kind in kinds]
        self.with_unsure, self.ignored = regions is not None and ignored is not None, ignored

    def _apply_to_segmentation(self, segmentation: torch.Tensor, **_: Any) -> torch.Tensor:
        sure = torch.ones_like(segmentation) if self.ignored is None else segmentation != self.ignored
        counted = sure.sum(0)
        members = torch.stack([
            sum((segmentation == label).sum(0) for label in kind)  # type: ignore[misc]
            for kind in self.kinds
        ])  # fmt: skip
        shares = members / counted.clamp(min=1)
        return torch.cat([shares, (counted == 0)[None].float()]) if self.with_unsure else shares


def soft_transforms(
    usual: Any,
    patch_size: Any,
    rotation: Any,
    deep_supervision_scales: list[Any] | None,
    mirror_axes: Any,
    do_dummy_2d_data_aug: bool,
    **given: Any,
) -> ComposeTransforms:
    """A trainer's `usual` training transforms, of all readers' masks alike, and then vote shares.

    The other parameters are those of nnU-Net's ``get_training_transforms``.
    """
    regions, ignored = given.get("regions"), given.get("ignore_label")
    made = usual(patch_size, rotation, None, mirror_axes, do_dummy_2d_data_aug, **{**given, "regions": None})
    shares = ToShares([0, *given["foreground_labels"]], regions, ignored)
    scales = [] if deep_supervision_scales is None else [DownsampleSegForDSTransform(deep_supervision_scales)]
    return ComposeTransforms([made, shares, *scales])


# Losses of one's own say so themselves, by ``is_cross_entropy = True``.
_CROSS_ENTROPIES = (nn.CrossEntropyLoss, RobustCrossEntropyLoss)


class OfShares(nn.Module):
    """A loss of labels for shares of labels: cross-entropy against shares and, where it has one, soft Dice.

    Cross-entropy is linear in its target: this is the mean over the readers, whose minimum is at the shares.
    nnU-Net's Dice takes shares as it takes masks. A target of one channel is a mask, as in validation.
    """

    def __init__(self, usual: nn.Module) -> None:
        super().__init__()
        of_labels = usual.ce if isinstance(usual, DC_and_CE_loss) else usual
        # Another cross-entropy, such as a focal one, would be left for the plain one and nobody told.
        if type(of_labels) not in _CROSS_ENTROPIES and not getattr(of_labels, "is_cross_entropy", False):
            raise InputError(
                f"masks: found soft for a loss {type(of_labels).__name__}, expected nnU-Net's Dice and "
                "cross-entropy or cross-entropy alone; take 'all' or 'consensus'"
            )
        self.usual = usual

    def forward(self, scores: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Scores (b, L, ...) before softmax, shares of the same shape or masks (b, 1, ...)."""
        if target.shape[1] == 1:
            of_masks: torch.Tensor = self.usual(scores, target)
            return of_masks
        # Of each pixel 1, or 0 where every reader was unsure.
        counted = target.sum(1, keepdim=True)
        of_pixels = -(target * torch.log_softmax(scores.float(), dim=1)).sum(1, keepdim=True)
        entropy = of_pixels.sum() / counted.sum().clamp(min=1)
        if not isinstance(self.usual, DC_and_CE_loss):
            return entropy
        mask = None if self.usual.ignore_label is None else counted > 0.5
        dice: torch.Tensor = self.usual.dc(scores, target, loss_mask=mask)
        return self.usual.weight_ce * entropy + self.usual.weight_dice * dice


def learn_shares(trainer: Any) -> None:
    """Let a trainer that is initialized learn vote shares; losses of regions take them as they are."""
    if trainer.label_manager.has_regions:
        return
    if isinstance(trainer.loss, DeepSupervisionWrapper):
        trainer.loss.loss = OfShares(trainer.loss.loss)
    else:
        trainer.loss = OfShares(trainer.loss)


def taught_exams(trainer: Any, masks: str) -> tuple[TaughtExams, TaughtExams]:
    """A trainer's data sets for training and validation; soft is validated on one reader's mask at a time."""
    training, validation = trainer.do_split()
    made = partial(TaughtExams, trainer.preprocessed_dataset_folder)
    return made(training, masks=masks), made(validation, masks=CONSENSUS if masks == CONSENSUS else "all")
