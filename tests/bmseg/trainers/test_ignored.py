"""No trainer learns from voxels that a reader was unsure of: nnU-Net's ignore label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

from bmseg.trainers.ordinal import nested_regions, nnUNetTrainerOrdinal, nnUNetTrainerQuickOrdinal  # noqa: E402
from bmseg.trainers.quick import nnUNetTrainerQuick  # noqa: E402
from bmseg.trainers.scheduled import after_augmentation, nnUNetTrainerScheduled  # noqa: E402
from bmseg.trainers.topk import nnUNetTrainerTopK  # noqa: E402
from bmseg.trainers.unet import nnUNetTrainerUNet  # noqa: E402
from tests.bmseg.trainers.built import built  # noqa: E402

LABELS = {"background": 0, "level1": 1, "level2": 2, "ignore": 3}
TRAINERS = [
    nnUNetTrainerUNet,
    nnUNetTrainerQuick,
    nnUNetTrainerScheduled,
    nnUNetTrainerQuickOrdinal,
    nnUNetTrainerOrdinal,
    nnUNetTrainerTopK,
]


def made(trainer: type, root: Path) -> Any:
    one = built(trainer, root, LABELS)
    one.enable_deep_supervision = False
    return one


def target_of(trainer: Any, levels: Any) -> Any:
    """A mask as the trainer's own transforms give it to its loss."""
    manager = trainer.label_manager
    kept = {
        "foreground_labels": manager.foreground_labels,
        "regions": manager.foreground_regions if manager.has_regions else None,
        "ignore_label": manager.ignore_label,
    }
    transforms = after_augmentation(None, kept)
    masks = [transforms(image=torch.zeros(1, 8, 8), segmentation=one)["segmentation"] for one in levels]
    return torch.stack(masks).float()


@pytest.mark.parametrize("trainer", TRAINERS)
def test_the_loss_does_not_depend_on_them(
    trainer: type, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = made(trainer, tmp_path)
    capsys.readouterr()
    torch.manual_seed(0)
    levels = torch.randint(0, 4, (2, 1, 8, 8), dtype=torch.int16)
    heads = ours.label_manager.num_segmentation_heads
    scores = torch.randn(2, heads, 8, 8, requires_grad=True)
    ours._build_loss()(scores, target_of(ours, levels)).backward()
    moved = (scores.grad != 0).any(dim=1, keepdim=True)
    assert torch.equal(moved, levels != 3)
    assert heads == (2 if ours.label_manager.has_regions else 3)


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_batch_of_nothing_else_moves_no_weight(
    trainer: type, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = made(trainer, tmp_path)
    capsys.readouterr()
    levels = torch.full((2, 1, 8, 8), 3, dtype=torch.int16)
    scores = torch.randn(2, ours.label_manager.num_segmentation_heads, 8, 8, requires_grad=True)
    loss = ours._build_loss()(scores, target_of(ours, levels))
    loss.backward()
    assert torch.isfinite(loss)
    assert not scores.grad.any()


def test_the_unets_loss_is_the_mean_over_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = made(nnUNetTrainerUNet, tmp_path)
    capsys.readouterr()
    torch.manual_seed(1)
    scores, levels = torch.randn(2, 3, 8, 8), torch.randint(0, 4, (2, 1, 8, 8))
    each = -torch.log_softmax(scores, dim=1).gather(1, levels.clamp(max=2))
    by_hand = each[levels < 3].mean()
    assert ours._build_loss()(scores, levels.float()).item() == pytest.approx(by_hand.item(), rel=1e-5)


def test_it_is_no_region() -> None:
    nested = nested_regions({"labels": LABELS})
    assert nested["labels"] == {
        "background": 0, "level1 or more": [1, 2], "level2 or more": [2], "ignore": 3
    }  # fmt: skip
    assert nested["regions_class_order"] == [1, 2]
