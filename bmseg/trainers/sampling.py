"""Trainers that see high levels more often than nnU-Net's, which draws exams and then levels evenly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as trainer_module

from bmseg.trainers.quick import nnUNetTrainerQuick
from bmseg.trainers.scheduled import nnUNetTrainerScheduled

#: How much more a level is drawn than the one below it.
STEP = 2.0


def label_weights(locations: Mapping[Any, Any]) -> dict[int, float]:
    """The weight of each label that an exam holds; `locations` are nnU-Net's, label to voxels.

    Every label has `STEP` times the weight of the one below it, whichever of them the exam holds. nnU-Net's
    entry of all that is annotated, for a label to ignore, is no label.

    Examples
    --------
    >>> label_weights({1: [(0, 4, 2)], 2: [], 3: [(0, 4, 3)]})
    {1: 1.0, 3: 4.0}
    """
    labels = sorted(label for label in locations if not isinstance(label, tuple))
    return {label: STEP**place for place, label in enumerate(labels) if len(locations[label])}


class DataLoaderByLevel(nnUNetDataLoader):  # type: ignore[misc]
    """nnU-Net's loader with pairs of an exam and one of its levels drawn by the weight of the level.

    An exam is drawn by the sum of the weights of its levels, and in a patch that is to hold foreground one of
    its levels by its own; nnU-Net draws both evenly. An exam without any level weighs as the lowest level
    does. The slice follows from the voxel, which nnU-Net draws evenly among the level's, as before.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        weights = [
            sum(label_weights(self._data.load_case(exam)[3]["class_locations"]).values()) or 1.0
            for exam in self.indices
        ]
        self.sampling_probabilities = np.array(weights) / sum(weights)

    def get_bbox(
        self,
        data_shape: Any,
        force_fg: bool,
        class_locations: Any,
        overwrite_class: Any = None,
        verbose: bool = False,
    ) -> Any:
        """nnU-Net's place of a patch, around a level that is drawn by its weight."""
        if force_fg and overwrite_class is None and (weights := label_weights(class_locations)):
            shares = np.array([*weights.values()]) / sum(weights.values())
            overwrite_class = [*weights][np.random.choice(len(shares), p=shares)]
        return super().get_bbox(data_shape, force_fg, class_locations, overwrite_class, verbose)


@contextmanager
def loaders_by_level() -> Iterator[None]:
    """Let nnU-Net's trainer, which has no place for another loader, make these."""
    with patch.object(trainer_module, "nnUNetDataLoader", DataLoaderByLevel):
        yield


class _ByLevel(nnUNetTrainerScheduled):
    """Comes before a trainer among the bases; its validation patches, of the pseudo Dice, are drawn alike."""

    def get_dataloaders(self) -> tuple[Any, Any]:
        """Those of the trainer, by level."""
        with loaders_by_level():
            return super().get_dataloaders()


class nnUNetTrainerByLevel(_ByLevel):  # noqa: N801 (nnU-Net's users know trainers by this form)
    """nnU-Net's defaults, patches drawn by level."""


class nnUNetTrainerQuickByLevel(_ByLevel, nnUNetTrainerQuick):  # noqa: N801
    """`nnUNetTrainerQuick`, patches drawn by level."""
