"""Levels as nested regions, as nnU-Net's own label manager reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

from bmseg.trainers import ordinal, quick, scheduled  # noqa: E402
from bmseg.trainers.ordinal import nested_regions  # noqa: E402
from tests.bmseg.trainers.built import built  # noqa: E402


def dataset_json(levels: int) -> dict[str, Any]:
    return {
        "labels": {"background": 0, **{f"level {one}": one for one in range(1, levels + 1)}},
        "file_ending": ".nii.gz",
    }


def label_manager(dataset: dict[str, Any]) -> Any:
    from nnunetv2.utilities.label_handling.label_handling import LabelManager

    return LabelManager(dataset["labels"], dataset["regions_class_order"])


@pytest.mark.parametrize(
    ("levels", "regions"),
    [
        (1, {"level 1 or more": [1]}),
        (2, {"level 1 or more": [1, 2], "level 2 or more": [2]}),
        (3, {"level 1 or more": [1, 2, 3], "level 2 or more": [2, 3], "level 3 or more": [3]}),
    ],
)
def test_a_region_a_level(levels: int, regions: dict[str, list[int]]) -> None:
    before = dataset_json(levels)
    nested = nested_regions(before)
    # In order: nnU-Net paints the regions one over the other.
    assert list(nested["labels"].items()) == [("background", 0), *regions.items()]
    assert nested["regions_class_order"] == list(range(1, levels + 1))
    assert nested["file_ending"] == ".nii.gz"
    assert before == dataset_json(levels)


def test_levels_that_stand_in_another_order() -> None:
    nested = nested_regions({"labels": {"high": 3, "background": 0, "low": 1, "middle": 2}})
    assert list(nested["labels"]) == ["background", "low or more", "middle or more", "high or more"]
    assert nested["regions_class_order"] == [1, 2, 3]


@pytest.mark.parametrize("levels", [2, 3])
def test_nnunet_has_an_output_a_region_and_paints_levels_again(levels: int) -> None:
    manager = label_manager(nested_regions(dataset_json(levels)))
    assert manager.has_regions
    assert manager.num_segmentation_heads == levels
    # One pixel a level: background is outside of every region, level k inside of the first k.
    inside = torch.tensor([[level > region for level in range(levels + 1)] for region in range(levels)])
    scores = torch.where(inside, 4.0, -4.0)[:, :, None, None]
    painted = manager.convert_logits_to_segmentation(scores)
    assert painted.flatten().tolist() == list(range(levels + 1))


def test_one_level_is_background_against_it() -> None:
    manager = label_manager(nested_regions(dataset_json(1)))
    assert not manager.has_regions
    assert manager.num_segmentation_heads == 2
    scores = torch.tensor([[3.0, -3.0], [0.0, 0.0]])[:, :, None, None]
    assert manager.convert_logits_to_segmentation(scores).flatten().tolist() == [0, 1]


@pytest.mark.parametrize(
    ("trainer", "parent"),
    [
        (ordinal.nnUNetTrainerOrdinal, scheduled.nnUNetTrainerScheduled),
        (ordinal.nnUNetTrainerQuickOrdinal, quick.nnUNetTrainerQuick),
    ],
)
def test_only_the_labels_differ_from_the_parents(
    trainer: type, parent: type, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = dataset_json(3)["labels"]
    ours, theirs = (built(one, tmp_path, labels, {"epochs": 7}) for one in (trainer, parent))
    capsys.readouterr()
    assert ours.label_manager.foreground_regions == [(1, 2, 3), (2, 3), (3,)]
    assert theirs.label_manager.foreground_labels == [1, 2, 3]
    attributes = ("num_epochs", "initial_lr", "oversample_foreground_percent", "enable_deep_supervision")
    assert [getattr(ours, one) for one in attributes] == [getattr(theirs, one) for one in attributes]
    # What a checkpoint holds, and a later prediction reads.
    assert ours.dataset_json["regions_class_order"] == [1, 2, 3]
