"""Trainers that let nnU-Net learn ordinal levels as nested regions."""

from __future__ import annotations

from typing import Any

import torch

from bmseg.trainers.quick import nnUNetTrainerQuick
from bmseg.trainers.scheduled import nnUNetTrainerScheduled
from dataset_conversion.raw.exam import IGNORE


def nested_regions(dataset_json: dict[str, Any]) -> dict[str, Any]:
    """The dataset.json of the same masks with levels 1 < 2 < ... as regions "this level or a higher one".

    nnU-Net gives each region a sigmoid and paints the regions in order, so that predicted masks hold the
    levels again. What is not learned from (``ignore``) stays as it is.

    Examples
    --------
    >>> nested = nested_regions({"labels": {"background": 0, "low": 1, "high": 2}})
    >>> nested["labels"]
    {'background': 0, 'low or more': [1, 2], 'high or more': [2]}
    >>> nested["regions_class_order"]
    [1, 2]
    """
    given = dict(dataset_json["labels"])
    ignored = {name: given.pop(name) for name in [IGNORE] if name in given}
    names = {value: name for name, value in given.items()}
    levels = sorted(value for value in names if value != 0)
    regions = {f"{names[level]} or more": [one for one in levels if one >= level] for level in levels}
    labels = {names[0]: 0, **regions, **ignored}
    return {**dataset_json, "labels": labels, "regions_class_order": levels}


class _OnNestedRegions:
    """Comes before nnU-Net's trainer among the bases and gives it the regions."""

    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cuda"),  # noqa: B008 (nnU-Net inspects this signature)
    ) -> None:
        super().__init__(plans, configuration, fold, nested_regions(dataset_json), device)  # type: ignore[call-arg]


class nnUNetTrainerOrdinal(_OnNestedRegions, nnUNetTrainerScheduled):  # noqa: N801 (as nnU-Net's)
    """nnU-Net's defaults on nested regions."""


class nnUNetTrainerQuickOrdinal(_OnNestedRegions, nnUNetTrainerQuick):  # noqa: N801
    """`nnUNetTrainerQuick` on nested regions."""
