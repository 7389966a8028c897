"""The vanilla U-Net's training: cross-entropy, one learning rate, flips left to right, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

from bmseg.trainers.scheduled import seed_everything  # noqa: E402
from bmseg.trainers.unet import nnUNetTrainerUNet  # noqa: E402
from tests.bmseg.trainers.built import built  # noqa: E402

LABELS = {"background": 0, "level1": 1, "level2": 2}


@pytest.fixture
def trainer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    made = built(nnUNetTrainerUNet, tmp_path, LABELS, {"epochs": 50})
    capsys.readouterr()
    return made


def test_the_loss_is_cross_entropy_over_every_pixel_alike(trainer: Any) -> None:
    seed_everything(0)
    scores = torch.randn(2, 3, 8, 8)
    levels = torch.randint(0, 3, (2, 1, 8, 8))
    by_hand = -torch.log_softmax(scores, dim=1).gather(1, levels).mean()
    assert trainer._build_loss()(scores, levels.float()).item() == pytest.approx(by_hand.item(), rel=1e-5)


def test_adam_at_one_learning_rate(trainer: Any) -> None:
    trainer.network = torch.nn.Linear(1, 1)
    optimizer, scheduler = trainer.configure_optimizers()
    assert type(optimizer) is torch.optim.Adam
    rates = set()
    for epoch in (0, 1, 25, 49):
        scheduler.step(epoch)
        rates.add(optimizer.param_groups[0]["lr"])
    assert rates == {1e-3}
    assert optimizer.param_groups[0]["weight_decay"] == 0


def test_patches_are_read_at_their_size_and_predictions_not_mirrored(trainer: Any) -> None:
    _, dummy, patch, mirrored = trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()
    assert (dummy, patch, mirrored) == (False, (32, 48), (1,))
    assert trainer.inference_allowed_mirroring_axes is None
    assert trainer.enable_deep_supervision is False


def test_augmentation_flips_left_to_right_and_leaves_every_value() -> None:
    transforms = nnUNetTrainerUNet.get_training_transforms((32, 48), (0.0, 0.0), None, (1,), False)
    seed_everything(0)
    image = torch.rand((1, 32, 48))
    labels = (image > 0.7).to(torch.int16)
    flipped = []
    for seed in range(12):
        seed_everything(seed)
        made = transforms(image=image.clone(), segmentation=labels.clone())
        ways = [torch.equal(made["image"], one) for one in (image, image.flip(2))]
        assert sum(ways) == 1
        assert torch.equal(made["segmentation"], labels.flip(2) if ways[1] else labels)
        flipped.append(ways[1])
    assert len(set(flipped)) == 2
